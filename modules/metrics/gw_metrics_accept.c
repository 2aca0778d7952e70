/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The choice of a text format by Accept: see gw_metrics_accept.h.
 */

#include <string.h>

#include "gw_metrics_accept.h"


#define GW_METRICS_QUALITY  1000
#define GW_METRICS_ANY      1
#define GW_METRICS_SUBTYPE  2
#define GW_METRICS_TYPE     3

/* the longest value of a parameter that is compared */
#define GW_METRICS_VALUE    16


typedef struct {
    const char           *type;
    const char           *subtype;
    const char           *version;
} gw_metrics_media_t;

static const gw_metrics_media_t  gw_metrics_media[GW_METRICS_FORMATS] = {
    { "text", "plain", "0.0.4" },
    { "application", "openmetrics-text", "1.0.0" }
};


/* the rest of a field's value */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *last;
} gw_metrics_rest_t;


/* a parameter; its value without quotes and backslashes, cut to fit */

typedef struct {
    gw_text_t             name;
    gw_text_t             value;
    unsigned char         room[GW_METRICS_VALUE];
} gw_metrics_param_t;


static int
gw_metrics_same(const gw_text_t *text, const char *word)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (word[i] == '\0' || c != (unsigned char) word[i]) {
            return 0;
        }
    }

    return word[i] == '\0';
}


/* RFC 9110, 5.6.2; "*" is one of them */

static int
gw_metrics_is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z')
           || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}


/* reads a token, which may be empty */

static void
gw_metrics_token(gw_metrics_rest_t *rest, gw_text_t *token)
{
    token->data = rest->p;

    while (rest->p < rest->last && gw_metrics_is_token(*rest->p)) {
        rest->p++;
    }

    token->len = (size_t) (rest->p - token->data);
}


static void
gw_metrics_spaces(gw_metrics_rest_t *rest)
{
    while (rest->p < rest->last && (*rest->p == ' ' || *rest->p == '\t')) {
        rest->p++;
    }
}


/* skips a character and returns 1, or returns 0 */

static int
gw_metrics_skip(gw_metrics_rest_t *rest, char c)
{
    if (rest->p == rest->last || *rest->p != (unsigned char) c) {
        return 0;
    }

    rest->p++;

    return 1;
}


/* skips the rest of a media range, and the comma after it */

static void
gw_metrics_skip_range(gw_metrics_rest_t *rest)
{
    int            quoted;
    unsigned char  c;

    quoted = 0;

    while (rest->p < rest->last) {
        c = *rest->p++;

        if (c == '"') {
            quoted = !quoted;

        } else if (quoted && c == '\\' && rest->p < rest->last) {
            rest->p++;

        } else if (!quoted && c == ',') {
            return;
        }
    }
}


/* reads a quoted string after its first quote; 0: it has no end */

static int
gw_metrics_quoted(gw_metrics_rest_t *rest, gw_metrics_param_t *param)
{
    unsigned char  c;

    param->value.data = param->room;
    param->value.len = 0;

    while (rest->p < rest->last) {
        c = *rest->p++;

        if (c == '"') {
            return 1;
        }

        if (c == '\\') {
            if (rest->p == rest->last) {
                return 0;
            }

            c = *rest->p++;
        }

        if (param->value.len < GW_METRICS_VALUE) {
            param->room[param->value.len++] = c;
        }
    }

    return 0;
}


/*
 * Reads the next parameter of a range.  Returns 1; 0: there is none; -1: it
 * does not follow the grammar.
 */

static int
gw_metrics_param(gw_metrics_rest_t *rest, gw_metrics_param_t *param)
{
    do {
        gw_metrics_spaces(rest);

        if (rest->p == rest->last || *rest->p == ',') {
            return 0;
        }

        if (!gw_metrics_skip(rest, ';')) {
            return -1;
        }

        gw_metrics_spaces(rest);
        gw_metrics_token(rest, &param->name);

    } while (param->name.len == 0);         /* RFC 9110, 5.6.6: ";;" */

    if (!gw_metrics_skip(rest, '=')) {
        return -1;
    }

    if (gw_metrics_skip(rest, '"')) {
        return gw_metrics_quoted(rest, param) ? 1 : -1;
    }

    gw_metrics_token(rest, &param->value);

    return param->value.len ? 1 : -1;
}


/* a weight (RFC 9110, 12.4.2) in 1/1000; -1: invalid */

static int
gw_metrics_weight(const gw_text_t *value)
{
    int                   weight, unit;
    size_t                i;
    const unsigned char  *s;

    s = value->data;

    if (value->len == 0 || value->len > 5 || (s[0] != '0' && s[0] != '1')
        || (value->len > 1 && s[1] != '.'))
    {
        return -1;
    }

    unit = GW_METRICS_QUALITY;
    weight = (s[0] - '0') * unit;

    for (i = 2; i < value->len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }

        unit /= 10;
        weight += (s[i] - '0') * unit;
    }

    return weight <= GW_METRICS_QUALITY ? weight : -1;
}


/* how specific a range is for a format; 0: it does not match */

static unsigned
gw_metrics_specific(const gw_metrics_media_t *media, const gw_text_t *type,
    const gw_text_t *subtype)
{
    if (gw_metrics_same(type, "*")) {
        return gw_metrics_same(subtype, "*") ? GW_METRICS_ANY : 0;
    }

    if (!gw_metrics_same(type, media->type)) {
        return 0;
    }

    if (gw_metrics_same(subtype, "*")) {
        return GW_METRICS_SUBTYPE;
    }

    return gw_metrics_same(subtype, media->subtype) ? GW_METRICS_TYPE : 0;
}


/* applies a parameter other than the weight to what a range matches */

static void
gw_metrics_apply(unsigned *specific, const gw_metrics_param_t *param)
{
    int         is_version;
    unsigned    i;
    const char *value;

    is_version = gw_metrics_same(&param->name, "version");

    if (!is_version && !gw_metrics_same(&param->name, "charset")) {
        return;
    }

    for (i = 0; i < GW_METRICS_FORMATS; i++) {
        value = is_version ? gw_metrics_media[i].version : "utf-8";

        if (!gw_metrics_same(&param->value, value)) {
            specific[i] = 0;

        } else if (specific[i]) {
            specific[i]++;
        }
    }
}


/* reads a media range; 0: it does not follow the grammar */

static int
gw_metrics_range(gw_metrics_rest_t *rest, unsigned *specific, int *weight)
{
    int                 rc, weighed;
    unsigned            i;
    gw_text_t           type, subtype;
    gw_metrics_param_t  param;

    gw_metrics_token(rest, &type);

    if (type.len == 0 || !gw_metrics_skip(rest, '/')) {
        return 0;
    }

    gw_metrics_token(rest, &subtype);

    if (subtype.len == 0) {
        return 0;
    }

    for (i = 0; i < GW_METRICS_FORMATS; i++) {
        specific[i] = gw_metrics_specific(&gw_metrics_media[i], &type,
                                          &subtype);
    }

    weighed = 0;
    *weight = GW_METRICS_QUALITY;

    for ( ;; ) {
        rc = gw_metrics_param(rest, &param);

        if (rc != 1) {
            return rc == 0;
        }

        /* parameters after the weight belong to no media type */

        if (weighed) {
            continue;
        }

        if (!gw_metrics_same(&param.name, "q")) {
            gw_metrics_apply(specific, &param);
            continue;
        }

        weighed = 1;
        *weight = gw_metrics_weight(&param.value);

        if (*weight < 0) {
            return 0;
        }
    }
}


void
gw_metrics_accept(gw_metrics_accept_t *accept, const gw_text_t *value)
{
    int                  weight;
    unsigned             i, specific[GW_METRICS_FORMATS];
    gw_metrics_match_t  *match;
    gw_metrics_rest_t    rest;

    rest.p = value->data;
    rest.last = value->data + value->len;

    while (rest.p < rest.last) {
        gw_metrics_spaces(&rest);

        if (gw_metrics_range(&rest, specific, &weight)) {

            for (i = 0; i < GW_METRICS_FORMATS; i++) {
                match = &accept->formats[i];

                if (specific[i] > match->specific
                    || (specific[i] && specific[i] == match->specific
                        && (unsigned) weight > match->quality))
                {
                    match->specific = specific[i];
                    match->quality = (unsigned) weight;
                }
            }
        }

        gw_metrics_skip_range(&rest);
    }
}


gw_metrics_format_e
gw_metrics_accepted(const gw_metrics_accept_t *accept)
{
    const gw_metrics_match_t  *text, *open;

    text = &accept->formats[GW_METRICS_TEXT];
    open = &accept->formats[GW_METRICS_OPENMETRICS];

    if (open->quality > text->quality
        || (open->quality && open->quality == text->quality
            && open->specific > text->specific))
    {
        return GW_METRICS_OPENMETRICS;
    }

    return GW_METRICS_TEXT;
}
