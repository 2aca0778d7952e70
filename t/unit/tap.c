/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"


static unsigned  tap_run;
static unsigned  tap_failed;


static void
tap_line(int passed, const char *fmt, va_list args)
{
    char   name[200], *p;

    tap_run++;
    tap_failed += !passed;

    vsnprintf(name, sizeof(name), fmt, args);

    /* prints a name; escapes bytes that have a meaning in TAP */

    for (p = name; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e || *p == '#') {
            *p = '?';
        }
    }

    printf("%sok %u - %s\n", passed ? "" : "not ", tap_run, name);
    fflush(stdout);
}


#define TAP_LINE(passed, fmt)                                                 \
    do {                                                                      \
        va_list  args;                                                        \
                                                                              \
        va_start(args, fmt);                                                  \
        tap_line(passed, fmt, args);                                          \
        va_end(args);                                                         \
    } while (0)


int
ok(int passed, const char *fmt, ...)
{
    TAP_LINE(passed, fmt);

    return passed;
}


int
is_int(long long got, long long expected, const char *fmt, ...)
{
    TAP_LINE(got == expected, fmt);

    if (got != expected) {
        printf("#      got: %lld\n# expected: %lld\n", got, expected);
    }

    return got == expected;
}


int
is_str(const char *got, const char *expected, const char *fmt, ...)
{
    int  passed;

    passed = got != NULL && strcmp(got, expected) == 0;

    TAP_LINE(passed, fmt);

    if (!passed) {
        printf("#      got: %s\n# expected: %s\n", got ? got : "NULL",
               expected);
    }

    return passed;
}


int
is_bytes(const void *got, size_t len, const char *expected, const char *fmt,
    ...)
{
    int  passed;

    passed = len == strlen(expected) && memcmp(got, expected, len) == 0;

    TAP_LINE(passed, fmt);

    if (!passed) {
        printf("#      got: %.*s\n# expected: %s\n", (int) len,
               (const char *) got, expected);
    }

    return passed;
}


void
note(const char *fmt, ...)
{
    va_list  args;

    printf("# ");

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');
}


int
skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);

    return 0;
}


int
done_testing(void)
{
    printf("1..%u\n", tap_run);

    return tap_failed != 0;
}
