/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared parts of the commands: see gw_tool.h.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gw_json.h"
#include "gw_tool.h"


#define GW_TOOL_MAX_SECONDS  ((int64_t) 1 << 52)
#define GW_TOOL_LAST_DATE    INT64_C(253402300799)   /* of the year 9999 */


static char *gw_tool_read_named(const char *path, const char *name,
    size_t max, size_t *len);
static char *gw_tool_read_stream(FILE *stream, size_t max, size_t *len);
static const char *gw_tool_shown(const char *path);
static int gw_tool_read_date(const char *text, int64_t *when);


const char *
gw_args_get(const gw_args_t *args, gw_opt_e id)
{
    size_t       i;
    const char  *value;

    value = NULL;

    for (i = 0; i < args->n; i++) {
        if (args->args[i].id == id) {
            value = args->args[i].value;
        }
    }

    return value;
}


const char *
gw_args_next(const gw_args_t *args, gw_opt_e id, size_t *state)
{
    while (*state < args->n) {
        if (args->args[(*state)++].id == id) {
            return args->args[*state - 1].value;
        }
    }

    return NULL;
}


int
gw_tool_error(int code, const char *fmt, ...)
{
    va_list  args;

    fputs("nginx-gateway: ", stderr);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);

    return code;
}


char *
gw_tool_read(const char *path, size_t *len)
{
    return gw_tool_read_max(path, GW_TOOL_MAX_FILE, len);
}


char *
gw_tool_read_max(const char *path, size_t max, size_t *len)
{
    return gw_tool_read_named(path, strcmp(path, "-") == 0
                                    ? "standard input" : gw_tool_shown(path),
                              max, len);
}


char *
gw_tool_read_secret(const char *path, const char *name, size_t *len)
{
    return gw_tool_read_named(path, name, GW_TOOL_MAX_FILE, len);
}


static char *
gw_tool_read_named(const char *path, const char *name, size_t max,
    size_t *len)
{
    char  *text;
    FILE  *stream;

    if (strcmp(path, "-") == 0) {
        text = gw_tool_read_stream(stdin, max, len);

    } else {
        stream = fopen(path, "rb");

        if (stream == NULL) {
            gw_tool_error(0, "%s: %s", name, strerror(errno));
            return NULL;
        }

        text = gw_tool_read_stream(stream, max, len);
        fclose(stream);
    }

    if (text == NULL) {
        gw_tool_error(0, "%s: cannot be read, or is larger than %zu MB", name,
                      max >> 20);
    }

    return text;
}


/* without a buffer of stdio: it could not be cleansed of a secret */

static char *
gw_tool_read_stream(FILE *stream, size_t max, size_t *len)
{
    char    *text, *grown;
    size_t   n, size;

    (void) setvbuf(stream, NULL, _IONBF, 0);

    n = 0;
    size = 4096;
    text = malloc(size);

    while (text != NULL) {
        n += fread(text + n, 1, size - 1 - n, stream);

        if (ferror(stream) || n > max) {
            break;
        }

        if (n < size - 1) {
            text[n] = '\0';
            *len = n;
            return text;
        }

        size *= 2;
        grown = realloc(text, size);

        if (grown == NULL) {
            break;
        }

        text = grown;
    }

    free(text);

    return NULL;
}


/* a token or key in place of a file name is not repeated */

static const char *
gw_tool_shown(const char *path)
{
    return (strncmp(path, "eyJ", 3) == 0 || *path == '{')
           ? "a file named like a token or a key" : path;
}


json_t *
gw_tool_read_json(const char *path)
{
    char        *text;
    json_t      *value;
    size_t       len;
    char         why[GW_TOOL_WHY];

    gw_json_error_t  error;

    text = gw_tool_read(path, &len);
    if (text == NULL) {
        return NULL;
    }

    value = gw_json_parse((unsigned char *) text, len, &error);

    if (value == NULL) {
        gw_json_explain(why, sizeof(why), (unsigned char *) text, len, &error,
                        "a JSON object");
        gw_tool_error(0, "%s: %s", path, why);
    }

    OPENSSL_cleanse(text, len);
    free(text);

    return value;
}


int
gw_tool_read_key(const char *path, gw_private_t *key, json_t **jwk)
{
    const char  *why;

    if (path == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "--key is required");
    }

    *jwk = gw_tool_read_json(path);
    if (*jwk == NULL) {
        return GW_EXIT_FILE;
    }

    why = gw_private_load(key, *jwk);

    if (why != NULL) {
        json_decref(*jwk);
        return gw_tool_error(GW_EXIT_FILE, "%s: the key %s", path, why);
    }

    return GW_EXIT_OK;
}


const gw_jwa_t *
gw_tool_alg(const gw_args_t *args, const gw_private_t *key, int pinned)
{
    const char      *name;
    const gw_jwa_t  *alg;

    name = gw_args_get(args, GW_OPT_ALG);
    if (name == NULL) {
        return gw_private_alg(key);
    }

    alg = gw_jwa_find((const unsigned char *) name, strlen(name));

    if (alg == NULL) {
        gw_tool_error(0, "unknown algorithm \"%s\"", name);
        return NULL;
    }

    if ((alg->keys & (1u << key->kty)) == 0
        || (pinned && key->alg != NULL && key->alg != alg))
    {
        gw_tool_error(0, "the key cannot be used with %s", name);
        return NULL;
    }

    return alg;
}


int
gw_tool_print_json(const json_t *value)
{
    int             rc;
    size_t          len;
    unsigned char  *text;

    len = gw_json_text(value, NULL);
    text = malloc(len + 1);

    if (text == NULL) {
        return gw_tool_error(GW_EXIT_FILE, "memory ran out");
    }

    len = gw_json_text(value, text);
    text[len] = '\n';

    rc = gw_tool_print(text, len + 1);

    OPENSSL_cleanse(text, len);
    free(text);

    return rc;
}


int
gw_tool_print_pretty(const json_t *value)
{
    int    rc;
    char  *text;

    text = json_dumps(value, JSON_INDENT(2));

    if (text == NULL) {
        return gw_tool_error(GW_EXIT_FILE, "memory ran out");
    }

    (void) fputs(text, stdout);
    rc = gw_tool_print("\n", 1);

    free(text);

    return rc;
}


int
gw_tool_print(const void *data, size_t len)
{
    (void) fwrite(data, 1, len, stdout);

    return gw_tool_flush();
}


int
gw_tool_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return gw_tool_error(GW_EXIT_FILE, "standard output: %s",
                             strerror(errno));
    }

    return GW_EXIT_OK;
}


int
gw_tool_seconds(const char *text, int64_t *seconds)
{
    int64_t      n, sum;
    const char  *p, *unit, *start;

    static const char  units[] = "smhdw";
    static const int   lengths[] = { 1, 60, 3600, 86400, 604800, 1 };

    sum = 0;
    start = text + (*text == '-');

    for (p = start; *p != '\0'; p += (*p != '\0')) {

        if (*p < '0' || *p > '9') {
            return -1;
        }

        for (n = 0; *p >= '0' && *p <= '9'; p++) {
            n = n * 10 + (*p - '0');

            if (n > GW_TOOL_MAX_SECONDS) {
                return -1;
            }
        }

        /* at the end, strchr() finds the NUL, which means seconds */

        unit = strchr(units, *p);

        if (unit == NULL
            || n > (GW_TOOL_MAX_SECONDS - sum) / lengths[unit - units])
        {
            return -1;
        }

        sum += n * lengths[unit - units];
    }

    *seconds = (*text == '-') ? -sum : sum;

    return (p == start) ? -1 : 0;
}


int
gw_tool_time(const char *text, int64_t now, int64_t *when)
{
    if (gw_tool_seconds(text, when) == 0) {
        *when += now;

    } else if (gw_tool_read_date(text, when) != 0) {
        return -1;
    }

    return (*when < 0 || *when > GW_TOOL_LAST_DATE) ? -1 : 0;
}


/* timegm() converts a day that does not exist to another one */

static int
gw_tool_read_date(const char *text, int64_t *when)
{
    char       again[GW_TOOL_DATE_SIZE];
    size_t     i, len;
    struct tm  tm;

    static const char  shape[] = "0000-00-00T00:00:00Z";

    len = strlen(text);

    if (len != sizeof("2027-01-31") - 1 && len != sizeof(shape) - 1) {
        return -1;
    }

    for (i = 0; i < len; i++) {
        if (shape[i] == '0' ? (text[i] < '0' || text[i] > '9')
                            : text[i] != shape[i])
        {
            return -1;
        }
    }

    memset(&tm, 0, sizeof(struct tm));

    (void) sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon,
                  &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;

    *when = timegm(&tm);

    if (*when < 0 || *when > GW_TOOL_LAST_DATE) {
        return -1;
    }

    gw_tool_date(*when, again);

    return memcmp(again, text, len) == 0 ? 0 : -1;
}


void
gw_tool_date(int64_t when, char text[GW_TOOL_DATE_SIZE])
{
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) when;

    gmtime_r(&seconds, &tm);
    strftime(text, GW_TOOL_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}


int
gw_tool_size(const char *text, size_t *size)
{
    size_t       n;
    unsigned     shift;
    const char  *p;

    n = 0;

    for (p = text; *p >= '0' && *p <= '9'; p++) {

        if (n > (SIZE_MAX - 9) / 10) {
            return -1;
        }

        n = n * 10 + (size_t) (*p - '0');
    }

    shift = (*p == 'k' || *p == 'K') ? 10 : (*p == 'm' || *p == 'M') ? 20 : 0;

    if (p == text || p[shift != 0] != '\0' || n > SIZE_MAX >> shift) {
        return -1;
    }

    *size = n << shift;

    return 0;
}
