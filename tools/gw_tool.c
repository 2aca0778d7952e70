
/*
 * Shared parts of the commands: see gw_tool.h.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_tool.h"


#define GW_TOOL_MAX_SECONDS  ((int64_t) 1 << 52)


static char *gw_tool_read_stream(FILE *stream, size_t max, size_t *len);
static const char *gw_tool_shown(const char *path);


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
    char  *text;
    FILE  *stream;

    if (strcmp(path, "-") == 0) {
        text = gw_tool_read_stream(stdin, max, len);
        path = "standard input";

    } else {
        stream = fopen(path, "rb");

        if (stream == NULL) {
            gw_tool_error(0, "%s: %s", gw_tool_shown(path), strerror(errno));
            return NULL;
        }

        text = gw_tool_read_stream(stream, max, len);
        fclose(stream);
    }

    if (text == NULL) {
        gw_tool_error(0, "%s: cannot be read, or is larger than %zu MB", path,
                      max >> 20);
    }

    return text;
}


static char *
gw_tool_read_stream(FILE *stream, size_t max, size_t *len)
{
    char    *text, *grown;
    size_t   n, size;

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


/* a token or a key that stands where its file should is not repeated */

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
    const char  *why;

    text = gw_tool_read(path, &len);
    if (text == NULL) {
        return NULL;
    }

    value = gw_json_parse((unsigned char *) text, len, &why);

    if (value == NULL) {
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
        return gw_tool_error(GW_EXIT_USAGE, "--key is needed");
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
        gw_tool_error(0, "the key does not serve %s", name);
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

        /* at the end strchr() finds the NUL: seconds */

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
