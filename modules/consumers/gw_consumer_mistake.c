/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gw_consumer_mistake.h"


#define GW_CONSUMER_SHOWN  64   /* bytes of a value or a name */
#define GW_CONSUMER_TAIL   32   /* room for the line's number and a NUL */


typedef struct {
    char    text[GW_CONSUMER_MISTAKE];
    size_t  len;
} gw_consumer_line_t;


static void gw_consumer_path(gw_consumer_line_t *line,
    const gw_consumer_mistakes_t *m);
static void gw_consumer_print(gw_consumer_line_t *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void gw_consumer_vprint(gw_consumer_line_t *line, const char *fmt,
    va_list args);
static void gw_consumer_escape(gw_consumer_line_t *line, const char *text,
    size_t len);


void
gw_consumer_mistake(gw_consumer_mistakes_t *m, const json_t *value,
    const char *fmt, ...)
{
    va_list             args;
    gw_consumer_line_t  line;

    if (m->count++ >= GW_CONSUMER_MAX_MISTAKES) {
        return;
    }

    line.len = 0;
    gw_consumer_path(&line, m);

    if (json_is_string(value)) {
        gw_consumer_print(&line, "\"");
        gw_consumer_escape(&line, json_string_value(value),
                           json_string_length(value));
        gw_consumer_print(&line, "\" ");
    }

    va_start(args, fmt);
    gw_consumer_vprint(&line, fmt, args);
    va_end(args);

    (void) snprintf(line.text + line.len, GW_CONSUMER_TAIL, " (line %zu)",
                    m->line);

    m->report(m->data, line.text);
}


void
gw_consumer_mistakes_end(gw_consumer_mistakes_t *m)
{
    gw_consumer_line_t  line;

    if (m->count > GW_CONSUMER_MAX_MISTAKES) {
        line.len = 0;
        gw_consumer_print(&line, "... and %zu more",
                          m->count - GW_CONSUMER_MAX_MISTAKES);

        m->report(m->data, line.text);
    }
}


static void
gw_consumer_path(gw_consumer_line_t *line, const gw_consumer_mistakes_t *m)
{
    if (!m->in_consumer) {
        return;
    }

    gw_consumer_print(line, "consumers[%zu]", m->consumer);

    if (m->list != NULL) {
        gw_consumer_print(line, ".%s[%zu]", m->list, m->item);
    }

    if (m->member != NULL) {
        gw_consumer_print(line, ".");
        gw_consumer_escape(line, m->member, strlen(m->member));
    }

    if (m->name != NULL) {
        gw_consumer_print(line, ".");
        gw_consumer_escape(line, m->name, strlen(m->name));
    }

    if (m->in_element) {
        gw_consumer_print(line, "[%zu]", m->element);
    }

    gw_consumer_print(line, ": ");
}


static void
gw_consumer_print(gw_consumer_line_t *line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    gw_consumer_vprint(line, fmt, args);
    va_end(args);
}


/* truncates the text, so that the number of the line fits after it */

static void
gw_consumer_vprint(gw_consumer_line_t *line, const char *fmt, va_list args)
{
    int     n;
    size_t  room;

    room = sizeof(line->text) - GW_CONSUMER_TAIL - line->len;
    n = vsnprintf(line->text + line->len, room, fmt, args);

    if (n > 0) {
        line->len += ((size_t) n < room) ? (size_t) n : room - 1;
    }
}


/* escapes bytes that must not be written to a log or terminal */

static void
gw_consumer_escape(gw_consumer_line_t *line, const char *text, size_t len)
{
    size_t         i, start;
    unsigned char  c;

    start = line->len;

    for (i = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (line->len - start >= GW_CONSUMER_SHOWN) {
            gw_consumer_print(line, "...");
            return;
        }

        if (c < 0x20 || c > 0x7e) {
            gw_consumer_print(line, "\\x%02x", c);

        } else if (c == '"' || c == '\\') {
            gw_consumer_print(line, "\\%c", c);

        } else {
            gw_consumer_print(line, "%c", c);
        }
    }
}
