# SPDX-License-Identifier: BSD-2-Clause

# Finds the parsers that read a forged credential: Python's own, and those of
# installed packages.  Same interface as read.js; uses http.server.

import base64
import http.cookies
import io
import re
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler

forged = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    def __init__(self, data):
        self.rfile, self.wfile = io.BytesIO(data), io.BytesIO()
        self.raw_requestline = self.rfile.readline(65537)
        self.good = self.parse_request()

    def log_message(self, *args):
        pass


def authorization(h):
    return h.headers.get('Authorization', '')


def bearer_split(h):
    parts = authorization(h).split()
    return parts[0].lower() == 'bearer' and parts[1]


def bearer_bytes(h):
    parts = authorization(h).encode('iso-8859-1').split()
    return parts[0].lower() == b'bearer' and parts[1].decode('iso-8859-1')


def bearer_partition(h):
    scheme, _, rest = authorization(h).partition(' ')
    return scheme.lower() == 'bearer' and rest


def bearer_regex(h):
    return re.match(r'\s*bearer\s+(.+)', authorization(h), re.I).group(1)


def environ(h):
    return [v for k, v in h.headers.items()
            if k.upper().replace('-', '_') == 'X_A_TOK']


def simple_cookie(h):
    jar = http.cookies.SimpleCookie()
    jar.load('; '.join(h.headers.get_all('Cookie', [])))
    return jar['a_tok'].value


def cookie_chunks(h):
    found = {}
    for chunk in '; '.join(h.headers.get_all('Cookie', [])).split(';'):
        name, _, value = chunk.partition('=')
        found.setdefault(name.strip(), []).append(value.strip())
    return found['a_tok']


def query_split(h):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(h.path).query)['a_tok']


def query_raw(h):
    return urllib.parse.parse_qs(h.path.partition('?')[2])['a_tok']


def query_semicolon(h):
    # before 3.9.2, "&" and ";" both separated pairs
    query = h.path.partition('?')[2].replace(';', '&')
    return urllib.parse.parse_qs(query)['a_tok']


parsers = {
    'python bearer split': bearer_split,
    'python bearer bytes': bearer_bytes,
    'python bearer partition': bearer_partition,
    'python bearer regex': bearer_regex,
    'python header': lambda h: h.headers['X-A-Tok'],
    'python header environ': environ,
    'python cookie SimpleCookie': simple_cookie,
    'python cookie chunks': cookie_chunks,
    'python query urlsplit': query_split,
    'python query raw': query_raw,
    'python query semicolon': query_semicolon,
}

try:
    from werkzeug.http import parse_cookie
    parsers['python cookie werkzeug'] = lambda h: parse_cookie(
        '; '.join(h.headers.get_all('Cookie', [])))['a_tok']
except ImportError:
    pass

try:
    from django.http import parse_cookie as django_cookie
    parsers['python cookie django'] = lambda h: django_cookie(
        '; '.join(h.headers.get_all('Cookie', []))
        .encode('iso-8859-1').decode(errors='replace'))['a_tok']
except ImportError:
    pass


def read(data):
    handler = Handler(data)
    if not handler.good:
        return []
    names = []
    for name, parser in parsers.items():
        try:
            value = parser(handler)
        except Exception:
            continue
        if any(f in str(value) for f in forged):
            names.append(name)
    return names


if not forged:
    print(','.join(parsers))
else:
    for line in sys.stdin:
        print(','.join(read(base64.b64decode(line))))
