// SPDX-License-Identifier: BSD-2-Clause

// Runs npm's oidc-provider on 127.0.0.1:PORT.
//
//   node oidc-provider.mjs FOLDER PORT
//
// FOLDER has node_modules.  Each line of standard input is an array of private
// keys: from then on a provider with these keys answers, which prints "ready".
// It signs with the first key of an algorithm.  Sessions and opaque tokens stay
// until the process ends, with standard input.
//
// The resource https://api.example/ALG has signed tokens of this algorithm,
// https://api.example/opaque has opaque ones.  Any name and password log in.

import http from 'node:http'
import module from 'node:module'
import path from 'node:path'
import readline from 'node:readline'

const [folder, port] = process.argv.slice(2)

// standard output is for "ready"
const print = console.log
for (const name of ['log', 'info', 'warn']) console[name] = console.error

const resolve = module.createRequire(path.join(path.resolve(folder), 'x')).resolve
const { Provider } = await import(resolve('oidc-provider'))

const configuration = keys => ({
  jwks: { keys },
  clients: [{
    client_id: 'client',
    client_secret: 'a secret of the tests',
    grant_types: ['authorization_code', 'client_credentials'],
    redirect_uris: ['https://client.example/callback']
  }],
  cookies: { keys: ['a key of the tests'] },
  scopes: ['openid', 'orders:read'],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource) {
        const alg = resource.split('/').pop()
        return {
          scope: 'orders:read',
          audience: 'https://api.example',
          accessTokenTTL: 600,
          accessTokenFormat: alg === 'opaque' ? 'opaque' : 'jwt',
          jwt: alg === 'opaque' ? undefined : { sign: { alg } }
        }
      }
    }
  }
})

let handler = (request, response) => response.writeHead(503).end()

http.createServer((request, response) => handler(request, response))
  .listen(port, '127.0.0.1', async () => {
    for await (const line of readline.createInterface(process.stdin)) {
      const provider = new Provider(`http://127.0.0.1:${port}`,
                                    configuration(JSON.parse(line)))
      handler = provider.callback()
      print('ready')
    }

    process.exit()
  })
