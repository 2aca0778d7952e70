// SPDX-License-Identifier: BSD-2-Clause

// Runs http-cache-tests against a server, with the suite's own client, origin
// and checks.  Prints a JSON line for each test: [ id, kind, passed, why ].  A
// test that depends on a failed one counts as failed.
//
//   node cache-tests.mjs SUITE URL PORT
//
// SUITE is the folder of the suite, in the layout of npm (0.4.5) or of its
// repository.  The origin listens on 127.0.0.1:PORT; the server at URL passes
// all requests to it.

import fs from 'node:fs'
import http from 'node:http'
import module from 'node:module'
import path from 'node:path'

const [suite, url, port] = process.argv.slice(2)
const npm = fs.existsSync(path.join(suite, 'client'))
const engine = path.resolve(suite, npm ? '.' : 'test-engine')
const load = file => import(path.join(engine, file))

const sets = (await import(path.resolve(suite, 'tests/index.mjs'))).default
const tests = sets.flatMap(set => set.tests).filter(test => !test.browser_only)
const { makeTest, makeCacheTest, testResults } = await load('client/test.mjs')
const { determineTestResult } =
  await load(npm ? 'lib/display.mjs' : 'lib/results.mjs')
const config = await load('client/config.mjs')

// standard output is for the results
const print = console.log
console.log = console.error

// The suite's own server listens on all addresses.

const handlers = {}
for (const name of ['config', 'test', 'state']) {
  handlers[name] = (await load(`server/handle-${name}.mjs`)).default
}

const origin = http.createServer((request, response) => {
  const [, name, ...rest] = new URL(request.url, url).pathname.split('/')
  if (handlers[name]) return handlers[name](rest, request, response)
  response.writeHead(404).end()
})
await new Promise((resolve, reject) => {
  origin.once('error', reject)
  origin.listen(Number(port), '127.0.0.1', resolve)
})

config.setBaseUrl(url)
config.setUseBrowserCache(false)
if (npm) config.setFetch(module.createRequire(`${engine}/`)('node-fetch'))

// Times are whole seconds.  Each group begins with a second, so that requests
// without a pause between them always fall into the same one.

const size = 50

for (let i = 0; i < tests.length; i += size) {
  await new Promise(resolve => setTimeout(resolve, 1010 - Date.now() % 1000))
  await Promise.all(tests.slice(i, i + size).map(makeTest ?? makeCacheTest))
}

for (const { id, kind } of tests) {
  const [, , mark] = determineTestResult(sets, id, testResults)
  const passed = ['✅', 'Y'].includes(mark)
  const why = passed ? ''
    : testResults[id] === true ? 'a test that it depends on has failed'
    : testResults[id].join(': ')
  print(JSON.stringify([id, kind ?? 'required', passed, why]))
}

process.exit(0)
