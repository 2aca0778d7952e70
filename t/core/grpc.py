# SPDX-License-Identifier: BSD-2-Clause

# A server and a client of gRPC, for grpc_client.t.  Messages are bytes, so that
# no .proto is needed.
#
#   grpc.py serve PORT    /t.T/Echo and /t.T/Each answer, /t.T/Slow never does
#   grpc.py call PORT     reads a call a line, as JSON, and prints what came of it
#
# A call: kind "unary" (default) or "stream", path, token, timeout (s), and of
# a stream the number of messages; null: they do not end before the call does.

import sys

# this file's name is the library's
sys.path.pop(0)

import json
import threading
from concurrent import futures

import grpc


def echo(message, context):
    return message


def each(messages, context):
    yield from messages


def slow(message, context):
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(60)
    return message


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler('t.T', {
            'Echo': grpc.unary_unary_rpc_method_handler(echo),
            'Each': grpc.stream_stream_rpc_method_handler(each),
            'Slow': grpc.unary_unary_rpc_method_handler(slow),
        })])
    if server.add_insecure_port('127.0.0.1:%s' % port) == 0:
        sys.exit('the port is taken')
    server.start()
    print('ready', flush=True)
    sys.stdin.read()
    server.stop(0)


def messages(count, ended):
    n = 0
    while count is None or n < count:
        if ended.is_set():
            return
        n += 1
        yield b'x' * 16384


def call(channel, want):
    ended = threading.Event()
    options = {'timeout': want.get('timeout', 30)}
    if want.get('token'):
        options['metadata'] = [('authorization', 'Bearer ' + want['token'])]

    said = {'replies': 0}
    try:
        if want.get('kind') == 'stream':
            answer = channel.stream_stream(want['path'])(
                messages(want.get('count'), ended), **options)
            for _ in answer:
                said['replies'] += 1
        else:
            _, answer = channel.unary_unary(want['path']).with_call(
                b'hello', **options)
            said['replies'] = 1
    except grpc.RpcError as error:
        answer = error
    finally:
        ended.set()

    said['code'] = answer.code().name
    said['details'] = answer.details()
    said['metadata'] = {key: value for key, value
                        in list(answer.initial_metadata() or ())
                        + list(answer.trailing_metadata() or ())
                        if isinstance(value, str)}
    return said


def client(port):
    channel = grpc.insecure_channel('127.0.0.1:%s' % port, options=[
        ('grpc.enable_http_proxy', 0), ('grpc.enable_retries', 0)])
    for line in sys.stdin:
        print(json.dumps(call(channel, json.loads(line))), flush=True)


{'serve': serve, 'call': client}[sys.argv[1]](sys.argv[2])
