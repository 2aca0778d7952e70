/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_control.h"
#include "gw_sf.h"

#include <stddef.h>
#include <string.h>


/* the type of a directive's value */

typedef enum {
    GW_CACHE_CC_FLAG = 0,
    GW_CACHE_CC_FIELDS,         /* none, or field names */
    GW_CACHE_CC_SECONDS,        /* 0 if invalid */
    GW_CACHE_CC_WINDOW,         /* ignored if invalid */
    GW_CACHE_CC_ANY             /* without a value: unlimited */
} gw_cache_cc_kind_e;


typedef struct {
    gw_text_t             name;
    gw_cache_cc_kind_e    kind;
    unsigned              flag;
    size_t                offset;
} gw_cache_directive_t;


#define gw_cache_cc_flag(name, kind, flag)                                    \
    { gw_cache_text(name), kind, flag, 0 }

#define gw_cache_cc_time(name, kind, member)                                  \
    { gw_cache_text(name), kind, 0, offsetof(gw_cache_control_t, member) }

static const gw_cache_directive_t  gw_cache_directives[] = {

    gw_cache_cc_time("max-age", GW_CACHE_CC_SECONDS, max_age),
    gw_cache_cc_time("s-maxage", GW_CACHE_CC_SECONDS, s_maxage),
    gw_cache_cc_flag("no-cache", GW_CACHE_CC_FIELDS, GW_CACHE_CC_NO_CACHE),
    gw_cache_cc_flag("no-store", GW_CACHE_CC_FLAG, GW_CACHE_CC_NO_STORE),
    gw_cache_cc_flag("private", GW_CACHE_CC_FIELDS, GW_CACHE_CC_PRIVATE),
    gw_cache_cc_flag("public", GW_CACHE_CC_FLAG, GW_CACHE_CC_PUBLIC),
    gw_cache_cc_flag("must-revalidate", GW_CACHE_CC_FLAG,
                     GW_CACHE_CC_MUST_REVALIDATE),
    gw_cache_cc_flag("proxy-revalidate", GW_CACHE_CC_FLAG,
                     GW_CACHE_CC_PROXY_REVALIDATE),
    gw_cache_cc_flag("must-understand", GW_CACHE_CC_FLAG,
                     GW_CACHE_CC_MUST_UNDERSTAND),
    gw_cache_cc_flag("only-if-cached", GW_CACHE_CC_FLAG,
                     GW_CACHE_CC_ONLY_IF_CACHED),
    gw_cache_cc_time("stale-while-revalidate", GW_CACHE_CC_WINDOW,
                     stale_while_revalidate),
    gw_cache_cc_time("stale-if-error", GW_CACHE_CC_WINDOW, stale_if_error),
    gw_cache_cc_time("min-fresh", GW_CACHE_CC_WINDOW, min_fresh),
    gw_cache_cc_time("max-stale", GW_CACHE_CC_ANY, max_stale),

    { { 0, NULL }, GW_CACHE_CC_FLAG, 0, 0 }
};


void
gw_cache_control_init(gw_cache_control_t *control)
{
    control->flags = 0;
    control->max_age = GW_CACHE_NONE;
    control->s_maxage = GW_CACHE_NONE;
    control->stale_while_revalidate = GW_CACHE_NONE;
    control->stale_if_error = GW_CACHE_NONE;
    control->min_fresh = GW_CACHE_NONE;
    control->max_stale = GW_CACHE_NONE;
}


static const gw_cache_directive_t *
gw_cache_directive(const gw_text_t *name)
{
    const gw_cache_directive_t  *d;

    for (d = gw_cache_directives; d->name.len; d++) {
        if (d->name.len == name->len && gw_cache_same(&d->name, name)) {
            return d;
        }
    }

    return NULL;
}


static uint32_t *
gw_cache_directive_time(gw_cache_control_t *control,
    const gw_cache_directive_t *d)
{
    return (uint32_t *) ((unsigned char *) control + d->offset);
}


/*
 * Field names limit a directive to these fields.  Without names, or with an
 * invalid name, the directive applies to the whole response.
 */

static void
gw_cache_directive_fields(gw_cache_control_t *control,
    const gw_cache_directive_t *d, const gw_text_t *value,
    gw_cache_names_t *names)
{
    gw_text_t  list, member;

    if (value != NULL && names != NULL) {
        list = *value;

        if (gw_cache_member(&list, &member)
            && gw_cache_names_add(names, *value) == 0)
        {
            return;
        }
    }

    control->flags |= d->flag;
}


/* "value" has no quotes; NULL: there is no value */

static void
gw_cache_directive_set(gw_cache_control_t *control,
    const gw_cache_directive_t *d, const gw_text_t *value,
    gw_cache_names_t *names)
{
    uint32_t  *time, seconds;

    if (d->kind == GW_CACHE_CC_FLAG) {
        control->flags |= d->flag;
        return;
    }

    if (d->kind == GW_CACHE_CC_FIELDS) {
        gw_cache_directive_fields(control, d, value, names);
        return;
    }

    time = gw_cache_directive_time(control, d);

    if (*time != GW_CACHE_NONE) {
        return;
    }

    seconds = value ? gw_cache_seconds(value) : GW_CACHE_NONE;

    if (seconds == GW_CACHE_NONE && d->kind == GW_CACHE_CC_SECONDS) {
        seconds = 0;

    } else if (value == NULL && d->kind == GW_CACHE_CC_ANY) {
        seconds = GW_CACHE_FOREVER;
    }

    *time = seconds;
}


/*
 * Accepts both forms of a value (RFC 9111, 5.2): a token and a quoted string.
 * White space around "=" makes the value invalid, but does not change the name.
 */

static void
gw_cache_control_member(gw_cache_control_t *control, gw_text_t *member,
    gw_cache_names_t *names)
{
    gw_text_t                    name, value;
    const unsigned char         *equals;
    const gw_cache_directive_t  *d;

    equals = memchr(member->data, '=', member->len);

    name.data = member->data;
    name.len = equals ? (size_t) (equals - member->data) : member->len;

    value.data = name.data + name.len + (equals != NULL);
    value.len = (size_t) (member->data + member->len - value.data);

    if (value.len >= 2 && value.data[0] == '"'
        && gw_cache_quoted(&value) == value.len)
    {
        value.data++;
        value.len -= 2;
    }

    if (name.len && (name.data[name.len - 1] == ' '
                     || name.data[name.len - 1] == '\t'))
    {
        gw_cache_trim(&name);
        value.len = 0;
    }

    d = gw_cache_directive(&name);

    if (d != NULL) {
        gw_cache_directive_set(control, d, equals ? &value : NULL, names);
    }
}


/* whether all quoted strings of a line have an end */

static int
gw_cache_control_whole(gw_text_t line)
{
    size_t                len;
    const unsigned char  *quote;

    while ((quote = line.len ? memchr(line.data, '"', line.len) : NULL)) {
        line.len -= (size_t) (quote - line.data);
        line.data = quote;

        len = gw_cache_quoted(&line);

        if (len == 0) {
            return 0;
        }

        line.data += len;
        line.len -= len;
    }

    return 1;
}


void
gw_cache_control_line(gw_cache_control_t *control, gw_text_t line,
    gw_cache_names_t *names)
{
    gw_text_t  member;

    control->flags |= GW_CACHE_CC_PRESENT;

    if (!gw_cache_control_whole(line)) {
        control->flags |= GW_CACHE_CC_MALFORMED;
    }

    while (gw_cache_member(&line, &member)) {
        gw_cache_control_member(control, &member, names);
    }
}


/*
 * RFC 9213, 2.1, with the value types of RFC 9111: seconds are integers, field
 * names are a string.  Returns -1 if seconds have another type.
 */

static int
gw_cache_targeted_set(gw_cache_control_t *control,
    const gw_cache_directive_t *d, const gw_sf_member_t *member,
    gw_cache_names_t *names)
{
    uint32_t  *time;

    if (d->kind == GW_CACHE_CC_FLAG || d->kind == GW_CACHE_CC_FIELDS) {
        control->flags &= ~d->flag;

        if (member->type == GW_SF_BOOLEAN && member->number == 0) {
            return 0;
        }

        gw_cache_directive_set(control, d, member->type == GW_SF_STRING
                                           || member->type == GW_SF_TOKEN
                                           ? &member->text : NULL, names);
        return 0;
    }

    if (member->type != GW_SF_INTEGER) {
        return -1;
    }

    time = gw_cache_directive_time(control, d);

    if (member->number < 0) {
        *time = (d->kind == GW_CACHE_CC_SECONDS) ? 0 : GW_CACHE_NONE;

    } else {
        *time = (member->number < GW_CACHE_FOREVER)
                ? (uint32_t) member->number : GW_CACHE_FOREVER;
    }

    return 0;
}


int
gw_cache_control_targeted(gw_cache_control_t *control,
    const gw_cache_fields_t *fields, const gw_text_t *name,
    gw_cache_names_t *names)
{
    int                          rc, members;
    size_t                       i;
    unsigned                     before, overflow;
    gw_text_t                    rest;
    gw_sf_member_t               member;
    const gw_text_t             *line;
    gw_cache_control_t           found;
    const gw_cache_directive_t  *d;

    gw_cache_control_init(&found);
    found.flags = GW_CACHE_CC_PRESENT;

    before = names->n;
    overflow = names->overflow;
    members = 0;
    i = 0;

    while ((line = gw_cache_line(fields, name, &i)) != NULL) {
        rest = *line;

        while ((rc = gw_sf_next(&rest, &member)) == 1) {
            members = 1;
            d = gw_cache_directive(&member.key);

            if (d && gw_cache_targeted_set(&found, d, &member, names) != 0) {
                rc = -1;
                break;
            }
        }

        if (rc == -1) {
            names->n = before;
            names->overflow = overflow & 1;
            return 0;
        }
    }

    if (members) {
        *control = found;
    }

    return members;
}
