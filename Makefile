# SPDX-License-Identifier: BSD-2-Clause

# make help lists the targets.  All output goes to objs/.
#
# The module is built by nginx's own configure (tools/build); the rules here
# build what does not use nginx: the tool, the unit tests and the fuzz targets.

PREFIX ?= /usr/local
PORT ?= 8080
SECONDS ?= 60

CC = cc
FUZZ_CC ?= clang
OBJS = objs

# CFLAGS and LDFLAGS may be given; these come first
HARDEN = -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
WARN = -Wall -Wextra -Werror
INCS := $(patsubst %,-I%,$(wildcard modules/*)) -Itools
FUZZ_FLAGS = -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

ifneq ($(V),1)
Q = @
MAKEFLAGS += --no-print-directory
endif

# a make below this one shares its jobs
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

# code free of nginx; tests also reach the parts of the tool that are no main()
pure = $(wildcard modules/*/gw_*.c)
tool := $(wildcard tools/*.c) \
	$(wildcard $(patsubst %,modules/%/gw_*.c,$(shell tools/modules tool)))
tested = $(pure) $(wildcard tools/gw_*.c) $(wildcard t/unit/tap.c)

units = $(patsubst t/unit/%.c,$(OBJS)/unit/%,$(wildcard t/unit/test_*.c))
fuzzers = $(patsubst t/fuzz/fuzz_%.c,$(OBJS)/fuzz/%,$(wildcard t/fuzz/fuzz_*.c))

object = $(patsubst %.c,$(OBJS)/c/%.o,$(1))
fuzz_object = $(patsubst %.c,$(OBJS)/f/%.o,$(1))

export NGINX_BINARY NGINX_SRC OBJS V

# unset it means all of them, and empty none but core
ifneq ($(origin MODULES),undefined)
export MODULES
endif

.PHONY: all module tool run test test-asan test-matrix test-bypass \
	conformance unit bench bench-swap bench-limit bench-cache bench-issuer \
	bench-instructions bench-metrics bench-refused fuzz fuzzers style install \
	clean help
.SECONDARY:


all: module tool  ## build the module and the tool (NGINX_SRC= MODULES= CC= V=1)

module:
	+@CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' tools/build

tool: $(OBJS)/nginx-gateway

run:  ## start the quickstart on 127.0.0.1:8080 (PORT=), Ctrl-C ends it
	@tools/prepare run
	@$(MAKE) all
	@PORT='$(PORT)' tools/run

test:  ## run all tests on the installed nginx (TESTS="t/jwt/x.t" for some)
	@tools/prepare test
	@t/run-tests $(TESTS)

test-asan:  ## run the behaviour tests on an nginx with ASan and UBSan (TESTS=)
	@tools/prepare asan
	@t/asan $(TESTS)

test-matrix:  ## build and test in chroots: nginx 1.22, 1.26, 1.30 (SUITES= TESTS=)
	@tools/prepare matrix
	@t/matrix $(SUITES)

test-bypass:  ## try to bypass authentication: two million requests, minutes
	@tools/prepare test
	@tools/prepare asan
	@$(MAKE) all
	@t/bypass/full

conformance:  ## run public test suites (SUITE= CACHE_TESTS=dir ...)
	@tools/prepare conformance
	@$(MAKE) all
	@failed=; for suite in $(or $(SUITE),$(notdir $(filter-out %.md,$(wildcard t/conformance/*)))); do \
		echo "$$suite:"; t/conformance/$$suite || failed="$$failed $$suite"; done; \
		[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

unit: $(units)  ## run the unit tests
	@prove -e '' $(units)

bench:  ## measure speed relative to plain nginx and HAProxy
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/run

bench-swap:  ## measure latency while a consumers file is reloaded
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/swap

bench-limit:  ## measure limits in shared memory and in Redis
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/limit

bench-cache:  ## measure cache hits beside proxy_cache and Varnish
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/cache

bench-issuer:  ## measure latency while an issuer replaces its keys
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/issuer

bench-instructions:  ## count instructions per request
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/instructions

bench-metrics:  ## measure what metrics and scrapes cost
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/metrics

bench-refused:  ## measure rejected tokens beside the slowest valid ones
	@tools/prepare bench
	@$(MAKE) all
	@t/bench/refused

fuzzers: $(fuzzers)

fuzz:  ## run the fuzzers, SECONDS=60 for each target
	@tools/prepare fuzz
	@$(MAKE) -s fuzzers
	@SECONDS_EACH='$(SECONDS)' t/fuzz/explore $(fuzzers)

style:  ## list long functions and files, and style violations
	@tools/style

install: all  ## install the module and the tool (DESTDIR= PREFIX=/usr/local)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' tools/install

clean:  ## remove build output; keep caches of test-asan and test-matrix
	@tools/clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1 \2/p' $(MAKEFILE_LIST) \
		| while read -r target text; do \
			printf '  %-20s %s\n' "$$target" "$$text"; done


$(OBJS)/nginx-gateway: $(call object,$(tool))
	$(Q)$(CC) $(HARDEN) $(CFLAGS) -Wl,-z,relro -Wl,-z,now $(LDFLAGS) \
		-o $@ $^ -ljansson -lcrypto

$(OBJS)/unit/%: $(OBJS)/c/t/unit/%.o $(call object,$(tested))
	@mkdir -p $(@D)
	$(Q)$(CC) $(HARDEN) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson -lhiredis -lcrypto -lm -lpthread

$(OBJS)/fuzz/%: $(OBJS)/f/t/fuzz/fuzz_%.o $(call fuzz_object,$(tested))
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ -ljansson -lhiredis -lcrypto -lm -lpthread

$(OBJS)/c/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(HARDEN) $(WARN) $(INCS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OBJS)/f/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $(WARN) $(INCS) -MMD -MP -c -o $@ $<

-include $(shell find $(OBJS)/c $(OBJS)/f -name '*.d' 2>/dev/null)
