/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The subset of the Test Anything Protocol that these tests need.
 */

#ifndef TAP_H_INCLUDED
#define TAP_H_INCLUDED

#include <stddef.h>


/* each returns whether it passed */

int ok(int passed, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int is_int(long long got, long long expected, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int is_str(const char *got, const char *expected, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int is_bytes(const void *got, size_t len, const char *expected,
    const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* a line that prove(1) ignores */
void note(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* ends a test that cannot run here */
int skip_all(const char *why);

/* prints the plan; the exit code of main() */
int done_testing(void);


#endif /* TAP_H_INCLUDED */
