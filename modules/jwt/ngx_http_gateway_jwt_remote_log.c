/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is logged of a fetched key set.  The state is in shared memory, so that
 * one process logs for all.
 */

#include "ngx_http_gateway_jwt_remote.h"
#include "ngx_http_gateway_say.h"
#include "gw_fetch.h"


#define NGX_HTTP_GATEWAY_JWT_HOURLY  (3600 * 1000) /* ms, between log lines */


/* a failure is logged once, and then hourly; failures, once a minute */

void
ngx_http_gateway_jwt_remote_log_failed(ngx_http_gateway_jwt_remote_t *remote,
    const char *why)
{
    u_char                              time[NGX_HTTP_GATEWAY_WATCH_TIME];
    ngx_msec_t                          retry;
    ngx_http_gateway_jwt_source_t      *source;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;
    source = remote->source;

    if (sh->since == 0) {
        sh->since = ngx_time();
    }

    if (!ngx_http_gateway_may_say(&sh->said,
                                  sh->told ? NGX_HTTP_GATEWAY_JWT_HOURLY
                                           : NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    sh->told = 1;

    retry = (gw_fetch_left(ngx_current_msec, sh->next) + 999) / 1000;

    if (!ngx_http_gateway_jwt_remote_valid(remote)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s \"%V\"%V: %s, no keys, requests are answered with "
                      "503, retry in %Ms", source->directive, &source->shown,
                      &source->where, why, retry);
        return;
    }

    (void) ngx_http_gateway_watch_time(time, sh->fetched);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "%s \"%V\"%V: %s, keeping the keys of %s, retry in %Ms",
                  source->directive, &source->shown, &source->where, why, time,
                  retry);
}


void
ngx_http_gateway_jwt_remote_log_succeeded(
    ngx_http_gateway_jwt_remote_t *remote)
{
    u_char                              since[NGX_HTTP_GATEWAY_WATCH_TIME];
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (sh->told) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s \"%V\"%V: keys were fetched, after a failure since "
                      "%s", remote->source->directive, &remote->source->shown,
                      &remote->source->where,
                      ngx_http_gateway_watch_time(since, sh->since));
    }

    sh->since = 0;
    sh->told = 0;
}


void
ngx_http_gateway_jwt_remote_log_changed(
    const ngx_http_gateway_jwt_remote_t *remote)
{
    unsigned                              n;
    const ngx_http_gateway_jwt_source_t  *source;

    source = remote->source;
    n = gw_jwk_set_count(source->set);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "%s \"%V\"%V: the set has changed, %ud key%s",
                  source->directive, &source->shown, &source->where, n,
                  n == 1 ? "" : "s");
}
