/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A secret is redacted, whatever precedes and follows it.  A text that cannot
 * contain a secret is not changed.  For any bytes and any size of the output, a
 * JSON string is valid UTF-8 without control characters or incomplete escapes.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_log_json.h"
#include "gw_log_redact.h"


#define CANARY  "cAnArY"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const char *const  starts[] = {
    "&token=" CANARY "&", "&%74oken=" CANARY "&", "&a=1;ToKeN=" CANARY "&",
    "&u=%3Ftoken%3D" CANARY "%26", "&u=%253Ftoken%253D" CANARY "&",
    "&u=http://x?a[token]=" CANARY "&", "&token%3d" CANARY "&",
    "&token[a/b;c?d]=" CANARY "&", "&token%5b%26%2f]=" CANARY "&",
    "&to\tk\nen=" CANARY "&", "&http:/\\u:" CANARY "@h", "&http:u:" CANARY "@",
    "&u=https:%5C" CANARY "@h&", "&ws:/\t" CANARY "@", "&\\/" CANARY "@"
};


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* writes all runs to "out"; each is in "text" or is a replacement */

static size_t
show(const unsigned char *text, size_t len, unsigned char *out)
{
    size_t            n;
    gw_text_t         run, all;
    gw_log_redact_t   walk;
    gw_log_secrets_t  secrets;

    secrets.names = gw_log_secrets;
    secrets.lengths = (uint64_t) 1 << 5;
    secrets.n = 1;

    all.data = text;
    all.len = len;
    n = 0;

    gw_log_redact(&walk, &secrets, &all);

    while (gw_log_redact_next(&walk, &run)) {
        if (run.data >= text && run.data < text + len) {
            check(run.data + run.len <= text + len);

        } else {
            check(run.len == 0 || run.len == sizeof(GW_LOG_REDACTED) - 1);
        }

        memcpy(out + n, run.data, run.len);
        n += run.len;
    }

    return n;
}


static int
holds(const unsigned char *s, size_t len)
{
    size_t  i;

    for (i = 0; i + sizeof(CANARY) - 1 <= len; i++) {
        if (memcmp(s + i, CANARY, sizeof(CANARY) - 1) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
redact(const unsigned char *s, size_t len, const char *start)
{
    size_t          n, cut, middle;
    unsigned char  *text, *out;

    if (holds(s, len)) {
        return;
    }

    middle = strlen(start);
    cut = len / 2;

    /* two bytes of the text can be replaced by GW_LOG_REDACTED */

    text = malloc(len + middle);
    out = malloc(8 * (len + middle) + 16);

    memcpy(text, s, cut);
    memcpy(text + cut, start, middle);
    memcpy(text + cut + middle, s + cut, len - cut);

    n = show(text, len + middle, out);

    check(!holds(out, n));

    /* a text without any of these bytes has no secret */

    n = show(s, len, out);

    if (len && !memchr(s, '=', len) && !memchr(s, '%', len)
        && !memchr(s, '@', len) && !memchr(s, 0xc0, len)
        && !memchr(s, 0xc1, len))
    {
        check(n == len && memcmp(s, out, len) == 0);
    }

    free(text);
    free(out);
}


static void
encode(const unsigned char *s, size_t len, size_t room)
{
    int             valid;
    size_t          n;
    unsigned        cut;
    gw_text_t       text;
    unsigned char  *out, *end, *p;

    text.data = s;
    text.len = len;
    cut = 0;

    out = malloc(room + (room == 0));
    end = gw_log_json_string(out, out + room, &text, &cut);

    check(end <= out + room);
    check(cut || room >= len);

    for (p = out; p < end; p += n) {
        n = gw_log_utf8(p, end, &valid);

        check(valid && *p >= 0x20 && *p != '"' && *p != 0x7f);

        if (*p == '\\') {
            check(end - p >= 2 && strchr("\"\\bfnrtu", p[1]) != NULL);
            check(p[1] != 'u' || end - p >= 6);
            n = 2;
        }
    }

    free(out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          room;
    unsigned char  *s;

    if (size < 2) {
        return 0;
    }

    room = data[0];
    size -= 2;

    /* of the exact size: a sanitizer detects an overrun */

    s = malloc(size + (size == 0));
    memcpy(s, data + 2, size);

    encode(s, size, room);
    encode(s, size, GW_LOG_JSON_BYTE * size);
    redact(s, size, starts[data[1] % (sizeof(starts) / sizeof(starts[0]))]);

    free(s);

    return 0;
}
