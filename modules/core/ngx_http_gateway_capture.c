/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A log that keeps one message, by means of nginx's log->writer.  nginx formats
 * the line before it calls the writer.
 */

#include "ngx_http_gateway_capture.h"


static void ngx_http_gateway_capture_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);


void
ngx_http_gateway_capture_init(ngx_http_gateway_capture_t *capture,
    ngx_log_t *owner)
{
    capture->owner = owner;

    capture->log = *owner;
    capture->log.next = NULL;
    capture->log.connection = 0;
    capture->log.handler = NULL;
    capture->log.log_level = ngx_max(owner->log_level, NGX_LOG_INFO);
    capture->log.writer = ngx_http_gateway_capture_writer;
    capture->log.wdata = capture;

    ngx_http_gateway_capture_clear(capture);
}


void
ngx_http_gateway_capture_clear(ngx_http_gateway_capture_t *capture)
{
    capture->len = 0;
    capture->why[0] = '\0';
    capture->level = NGX_LOG_DEBUG;
}


/* "2026/01/31 12:00:00 [error] 4711#4711: text": the text */

static ngx_str_t
ngx_http_gateway_capture_text(u_char *buf, size_t len)
{
    u_char     *p, *last;
    ngx_str_t   text;

    last = buf + len;

    while (last > buf && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    p = ngx_strlchr(buf, last, '#');

    if (p != NULL) {
        p = ngx_strlchr(p, last, ' ');
    }

    text.data = (p != NULL) ? p + 1 : buf;
    text.len = last - text.data;

    return text;
}


static void
ngx_http_gateway_capture_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    ngx_http_gateway_capture_t *capture = log->wdata;

    ngx_str_t  text;

    text = ngx_http_gateway_capture_text(buf, len);

    if (level == NGX_LOG_DEBUG || level <= NGX_LOG_ALERT) {
        ngx_log_error_core(level, capture->owner, 0, "%V", &text);
    }

    if (level == NGX_LOG_DEBUG || capture->level <= NGX_LOG_ERR) {
        return;
    }

    capture->level = level;
    capture->len = ngx_min(text.len, sizeof(capture->why) - 1);
    (void) ngx_cpystrn(capture->why, text.data, capture->len + 1);
}
