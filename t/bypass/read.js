// SPDX-License-Identifier: BSD-2-Clause

// Finds the parsers that read a forged credential: Node's own, and those of
// installed packages.  Reads requests, a line of base64 each, and sends each
// one to a real HTTP server.  For each request, writes a line with the names of
// the parsers that found one of the texts given as arguments.

'use strict';

const http = require('http');
const querystring = require('querystring');
const readline = require('readline');
const url = require('url');
const { Duplex } = require('stream');

const forged = process.argv.slice(2);

function installed(name) {
    try { return require(name); } catch (e) { return null; }
}

const cookie = installed('cookie');
const qs = installed('qs');

// RFC 6265, 4.2.1, as common code without a package reads it
function cookies(text) {
    const found = {};
    for (const pair of text.split(';')) {
        const at = pair.indexOf('=');
        if (at < 0) continue;
        found[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
    }
    return found;
}

const parsers = {
    'node bearer split': req => {
        const parts = (req.headers.authorization || '').split(' ');
        return /^Bearer$/i.test(parts[0]) && parts[1];
    },
    'node bearer regex': req => {
        const m = /^\s*Bearer\s+(.+)$/i.exec(req.headers.authorization || '');
        return m && m[1];
    },
    'node bearer words': req => {
        const m = /(\S+)\s+(\S+)/.exec(req.headers.authorization || '');
        return m && m[1].toLowerCase() === 'bearer' && m[2];
    },
    'node header': req => req.headers['x-a-tok'],
    'node cookie split': req => cookies(req.headers.cookie || '').a_tok,
    'node query url': req => url.parse(req.url, true).query.a_tok,
    'node query URL': req => new URL(req.url, 'http://h').searchParams
                                 .getAll('a_tok'),
    'node query raw': req => querystring.parse(
                                 req.url.slice(req.url.indexOf('?') + 1)).a_tok,
};

if (cookie) {
    parsers['node cookie package'] = req =>
        cookie.parse(req.headers.cookie || '').a_tok;
}

if (qs) {
    parsers['node query qs'] = req =>
        qs.parse(url.parse(req.url).query || '').a_tok;
}

function read(req) {
    const names = [];
    for (const name of Object.keys(parsers)) {
        let value;
        try { value = parsers[name](req); } catch (e) { continue; }
        const text = JSON.stringify(value || '');
        if (forged.some(f => text.includes(f))) names.push(name);
    }
    return names;
}

let found = [];
const server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => {
    found = read(req);
    res.end();
});

// the response, or the closed connection, shows that the request was processed
function ask(bytes) {
    return new Promise(resolve => {
        found = [];
        const client = new Duplex({
            read() {},
            write(chunk, encoding, done) { done(); client.destroy(); },
        });
        client.on('error', () => {});
        client.on('close', () => resolve(found));
        server.emit('connection', client);
        client.push(bytes);
    });
}

(async () => {
    if (forged.length === 0) {
        console.log(Object.keys(parsers).join(','));
        return;
    }
    const lines = readline.createInterface({ input: process.stdin });
    for await (const line of lines) {
        console.log((await ask(Buffer.from(line, 'base64'))).join(','));
    }
})();
