/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Blocks of directives.  nginx's parser calls one handler for each directive of
 * a block, and the handler looks for its row.
 */

#include "ngx_http_gateway_block.h"


typedef struct {
    ngx_http_gateway_block_t       *block;
    ngx_command_t                  *rows;
    void                           *conf;
} ngx_http_gateway_block_ctx_t;


static char *ngx_http_gateway_block_directive(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_uint_t ngx_http_gateway_block_takes(ngx_command_t *cmd,
    ngx_uint_t n);
static char *ngx_http_gateway_block_unknown(ngx_conf_t *cf,
    ngx_http_gateway_block_ctx_t *ctx);


char *
ngx_http_gateway_block(ngx_conf_t *cf, ngx_http_gateway_block_t *block,
    ngx_command_t *rows, void *conf)
{
    char                          *rv;
    ngx_str_t                     *value;
    ngx_conf_t                     save;
    ngx_http_gateway_block_ctx_t   ctx;

    value = cf->args->elts;

    block->directive = value[0];
    block->name = value[1];
    ngx_http_gateway_place(cf, &block->place);

    ctx.block = block;
    ctx.rows = rows;
    ctx.conf = conf;

    save = *cf;
    cf->handler = ngx_http_gateway_block_directive;
    cf->handler_conf = (void *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_gateway_block_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_gateway_block_ctx_t *ctx = conf;

    char           *rv;
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    for (cmd = ctx->rows; cmd->name.len; cmd++) {

        if (!ngx_http_gateway_same(&cmd->name, &value[0])) {
            continue;
        }

        if (!ngx_http_gateway_block_takes(cmd, cf->args->nelts - 1)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid number of "
                               "arguments in \"%V\" directive", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = cmd->set(cf, cmd, ctx->conf);

        if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
            return rv;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                           &value[0], rv);
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_block_unknown(cf, ctx);
}


static ngx_uint_t
ngx_http_gateway_block_takes(ngx_command_t *cmd, ngx_uint_t n)
{
    if (cmd->type & NGX_CONF_1MORE) {
        return n >= 1;
    }

    if (cmd->type & NGX_CONF_2MORE) {
        return n >= 2;
    }

    return n < NGX_CONF_MAX_ARGS && (cmd->type & (NGX_CONF_NOARGS << n));
}


static char *
ngx_http_gateway_block_unknown(ngx_conf_t *cf,
    ngx_http_gateway_block_ctx_t *ctx)
{
    u_char         *p, *last;
    u_char          buf[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    p = buf;
    last = buf + sizeof(buf);

    for (cmd = ctx->rows; cmd->name.len; cmd++) {
        p = ngx_slprintf(p, last, "%s\"%V\"", p == buf ? "" : ", ",
                         &cmd->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"%V\", allowed are %*s",
                       &value[0], &ctx->block->directive,
                       (size_t) (p - buf), buf);

    return NGX_CONF_ERROR;
}


char * ngx_cdecl
ngx_http_gateway_block_refuse(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block, const char *fmt, ...)
{
    u_char   *p;
    u_char    buf[NGX_MAX_CONF_ERRSTR / 2];
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%V %V\" %*s in %V:%ui",
                  &block->directive, &block->name, (size_t) (p - buf), buf,
                  ngx_http_gateway_place_args(&block->place));

    return NGX_CONF_ERROR;
}
