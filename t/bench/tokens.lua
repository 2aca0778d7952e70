-- SPDX-License-Identifier: BSD-2-Clause

-- wrk -s tokens.lua URL -- FILE HEADER [PREFIX]: each request has the next
-- token of FILE in the header HEADER, after PREFIX.  Builds the requests once.
-- At the end, prints a line of numbers for t/bench/run.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   requests = {}
   for token in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", nil,
         { ["Host"] = "localhost", [args[2]] = (args[3] or "") .. token })
   end
   last = number * 331 % #requests
end

function request()
   last = last % #requests + 1
   return requests[last]
end

function done(summary, latency, unused)
   local e = summary.errors
   io.write(string.format("bench %d %d %d %d\n", summary.requests,
      summary.bytes, summary.duration,
      e.status + e.connect + e.read + e.write + e.timeout))
end
