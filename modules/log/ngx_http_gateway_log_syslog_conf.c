/* SPDX-License-Identifier: BSD-2-Clause */

/* the block gateway_log_syslog, which declares a syslog server */

#include "ngx_http_gateway_log_syslog.h"
#include "gw_syslog.h"


#define NGX_HTTP_GATEWAY_LOG_SYSLOG_PORT  514

/* limits of "queue" in bytes; the minimum holds the longest record */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_LEAST  (64 * 1024)
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_MOST   (1024 * 1024 * 1024)


static char *ngx_http_gateway_log_syslog_tag(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_log_syslog_queue(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_http_gateway_peer_kind_t  ngx_http_gateway_log_syslog_servers = {
    NGX_HTTP_GATEWAY_LOG_SYSLOG_PORT,
    1,
    "\"udp:10.0.0.5:514\", \"tcp:[::1]:601\", \"tcp:logs.example:6514\" or "
    "\"unix:/dev/log\""
};


/* the words of nginx's own "syslog:", and their codes (RFC 5424, 6.2.1) */

static ngx_conf_enum_t  ngx_http_gateway_log_syslog_facilities[] = {
    { ngx_string("kern"), 0 },
    { ngx_string("user"), 1 },
    { ngx_string("mail"), 2 },
    { ngx_string("daemon"), 3 },
    { ngx_string("auth"), 4 },
    { ngx_string("intern"), 5 },
    { ngx_string("lpr"), 6 },
    { ngx_string("news"), 7 },
    { ngx_string("uucp"), 8 },
    { ngx_string("clock"), 9 },
    { ngx_string("authpriv"), 10 },
    { ngx_string("ftp"), 11 },
    { ngx_string("ntp"), 12 },
    { ngx_string("audit"), 13 },
    { ngx_string("alert"), 14 },
    { ngx_string("cron"), 15 },
    { ngx_string("local0"), 16 },
    { ngx_string("local1"), 17 },
    { ngx_string("local2"), 18 },
    { ngx_string("local3"), 19 },
    { ngx_string("local4"), 20 },
    { ngx_string("local5"), 21 },
    { ngx_string("local6"), 22 },
    { ngx_string("local7"), 23 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_log_syslog_severities[] = {
    { ngx_string("emerg"), 0 },
    { ngx_string("alert"), 1 },
    { ngx_string("crit"), 2 },
    { ngx_string("error"), 3 },
    { ngx_string("warn"), 4 },
    { ngx_string("notice"), 5 },
    { ngx_string("info"), 6 },
    { ngx_string("debug"), 7 },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_log_syslog_row(name, set, field, post)               \
    { ngx_string(name), NGX_CONF_TAKE1, set, 0,                               \
      offsetof(ngx_http_gateway_log_syslog_conf_t, field), post }

static ngx_command_t  ngx_http_gateway_log_syslog_directives[] = {

    ngx_http_gateway_log_syslog_row("server",
                                    ngx_http_gateway_peer_set_server, server,
                                    &ngx_http_gateway_log_syslog_servers),

    ngx_http_gateway_peer_ssl_rows(ngx_http_gateway_log_syslog_conf_t, ssl),

    ngx_http_gateway_log_syslog_row("facility", ngx_http_gateway_set_enum_slot,
                                    facility,
                                    ngx_http_gateway_log_syslog_facilities),

    ngx_http_gateway_log_syslog_row("severity", ngx_http_gateway_set_enum_slot,
                                    severity,
                                    ngx_http_gateway_log_syslog_severities),

    ngx_http_gateway_log_syslog_row("tag", ngx_http_gateway_log_syslog_tag,
                                    tag, NULL),

    ngx_http_gateway_log_syslog_row("queue", ngx_http_gateway_log_syslog_queue,
                                    queue, NULL),

      ngx_null_command
};


ngx_http_gateway_log_syslog_conf_t *
ngx_http_gateway_log_syslog_find(ngx_http_gateway_log_main_conf_t *lmcf,
    const ngx_str_t *name)
{
    ngx_uint_t                            i;
    ngx_http_gateway_log_syslog_conf_t  **conf;

    conf = lmcf->syslogs.elts;

    for (i = 0; i < lmcf->syslogs.nelts; i++) {
        if (ngx_http_gateway_same(&conf[i]->block.name, name)) {
            return conf[i];
        }
    }

    return NULL;
}


static ngx_http_gateway_log_syslog_conf_t *
ngx_http_gateway_log_syslog_add(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_http_gateway_log_syslog_conf_t  *syslog, **place;

    syslog = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_syslog_conf_t));
    place = ngx_array_push(&lmcf->syslogs);

    if (syslog == NULL || place == NULL) {
        return NULL;
    }

    *place = syslog;

    syslog->ssl.on = NGX_CONF_UNSET_UINT;
    syslog->facility = NGX_CONF_UNSET_UINT;
    syslog->severity = NGX_CONF_UNSET_UINT;
    syslog->queue = NGX_CONF_UNSET_SIZE;

    return syslog;
}


char *
ngx_http_gateway_log_syslog_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_main_conf_t *lmcf = conf;

    ngx_str_t                           *value;
    ngx_http_gateway_log_syslog_conf_t  *syslog;

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a name", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_syslog_find(lmcf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V %V\" is duplicate",
                           &value[0], &value[1]);
        return NGX_CONF_ERROR;
    }

    syslog = ngx_http_gateway_log_syslog_add(cf, lmcf);

    if (syslog == NULL
        || ngx_http_gateway_block(cf, &syslog->block,
                                  ngx_http_gateway_log_syslog_directives,
                                  syslog)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(syslog->facility, 23);
    ngx_conf_init_uint_value(syslog->severity, 6);
    ngx_conf_init_size_value(syslog->queue, 16 * 1024 * 1024);

    if (syslog->tag.data == NULL) {
        ngx_str_set(&syslog->tag, "nginx");
    }

    if (syslog->server.text.data == NULL) {
        return ngx_http_gateway_block_refuse(cf, &syslog->block,
                                             "must have \"server\"");
    }

    return ngx_http_gateway_peer_ssl(cf, &syslog->block, &syslog->server,
                                     &syslog->ssl);
}


static char *
ngx_http_gateway_log_syslog_tag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value, *field;

    field = (ngx_str_t *) ((char *) conf + cmd->offset);

    if (field->data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (!gw_syslog_clean(value[1].data, value[1].len, GW_SYSLOG_TAG)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must consist "
                           "of 1 to 48 printable ASCII characters without "
                           "spaces", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_log_syslog_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    field = (size_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size < NGX_HTTP_GATEWAY_LOG_SYSLOG_LEAST
        || size > NGX_HTTP_GATEWAY_LOG_SYSLOG_MOST)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a size "
                           "from 64k to 1024m", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = size;

    return NGX_CONF_OK;
}


/* "resolver" and "gateway_log" can follow the block */

ngx_int_t
ngx_http_gateway_log_syslogs_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_log_syslog_conf_t  **conf;

    conf = lmcf->syslogs.elts;

    for (i = 0; i < lmcf->syslogs.nelts; i++) {

        if (ngx_http_gateway_peer_resolver(cf, &conf[i]->block,
                                           &conf[i]->server,
                                           &conf[i]->resolver)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!conf[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"gateway_log_syslog %V\" is not used by any "
                          "\"gateway_log\" in %V:%ui", &conf[i]->block.name,
                          ngx_http_gateway_place_args(&conf[i]->block.place));
        }
    }

    return NGX_OK;
}
