/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fetched key set: its text in shared memory, in two halves
 * (ngx_http_gateway_halves.h), and the set that each worker makes of it.
 *
 * A worker parses the text in the first request that needs it, at most once for
 * each change.  A parsed set consists of OpenSSL's objects, which processes
 * cannot share.
 */

#include "ngx_http_gateway_jwt_remote.h"
#include "ngx_http_gateway_say.h"
#include "gw_fetch.h"


#define ngx_http_gateway_jwt_text(sh, generation)                             \
    ((ngx_http_gateway_jwt_text_half_t *)                                     \
     ngx_http_gateway_half(&(sh)->halves, generation))


static ngx_int_t ngx_http_gateway_jwt_remote_sync(
    ngx_http_gateway_jwt_remote_t *remote);
static ngx_int_t ngx_http_gateway_jwt_remote_load(
    ngx_http_gateway_jwt_remote_t *remote);
static ngx_int_t ngx_http_gateway_jwt_remote_copy(
    ngx_http_gateway_jwt_remote_t *remote, ngx_str_t *text,
    ngx_atomic_uint_t *generation);
static ngx_int_t ngx_http_gateway_jwt_remote_take(
    ngx_http_gateway_jwt_remote_t *remote, ngx_str_t *text,
    ngx_atomic_uint_t generation);


ngx_uint_t
ngx_http_gateway_jwt_remote_holds(ngx_http_gateway_jwt_remote_t *remote,
    const ngx_str_t *text)
{
    ngx_http_gateway_jwt_text_half_t   *half;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;
    half = ngx_http_gateway_jwt_text(sh, sh->halves.generation);

    return text->len && half->len == text->len
           && ngx_memcmp(half->text, text->data, text->len) == 0;
}


ngx_uint_t
ngx_http_gateway_jwt_remote_store(ngx_http_gateway_jwt_remote_t *remote,
    const ngx_str_t *text)
{
    ngx_http_gateway_jwt_text_half_t   *half;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (!ngx_http_gateway_halves_idle(&sh->halves)) {
        return 0;
    }

    half = ngx_http_gateway_jwt_text(sh, sh->halves.generation + 1);

    half->len = text->len;
    ngx_memcpy(half->text, text->data, text->len);

    ngx_http_gateway_halves_swap(&sh->halves);

    return 1;
}


gw_jwk_set_t *
ngx_http_gateway_jwt_remote_parse(ngx_http_gateway_jwt_remote_t *remote,
    const ngx_str_t *text, ngx_uint_t quiet, char *err)
{
    ngx_log_t  log;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway jwt: parsing the keys of \"%V\", %uz bytes",
                   &remote->source->shown, text->len);

    log = *ngx_cycle->log;

    if (quiet) {
        log.log_level = NGX_LOG_STDERR;
    }

    return ngx_http_gateway_jwt_source_parse(remote->source, text, &log, err,
                                             NGX_HTTP_GATEWAY_WATCH_ERR);
}


ngx_uint_t
ngx_http_gateway_jwt_remote_valid(const ngx_http_gateway_jwt_remote_t *remote)
{
    const ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    return sh && sh->halves.generation
           && gw_fetch_recent(ngx_current_msec, sh->succeeded, remote->stale,
                              (int64_t) ngx_time() - (int64_t) sh->fetched);
}


ngx_int_t
ngx_http_gateway_jwt_sync(const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    if (jlcf->keys == NULL) {
        return NGX_OK;
    }

    use = jlcf->keys->elts;

    for (i = 0; i < jlcf->keys->nelts; i++) {
        if (use[i].source->remote
            && ngx_http_gateway_jwt_remote_sync(use[i].source->remote)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* costs two loads if nothing has changed */

static ngx_int_t
ngx_http_gateway_jwt_remote_sync(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_source_t  *source;

    /* not in force; see ngx_http_gateway_jwt_check_conf() */

    if (remote->sh == NULL) {
        return NGX_OK;
    }

    source = remote->source;

    /* a fetch that ends from here on may replace the keys */

    remote->seen = __atomic_load_n(&remote->sh->ended, __ATOMIC_SEQ_CST);

    if (!ngx_http_gateway_jwt_remote_valid(remote)) {

        if (source->set) {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                           "gateway jwt: the keys of \"%V\" have expired",
                           &source->shown);

            ngx_http_gateway_jwt_source_set(source, NULL);
        }

        return NGX_OK;
    }

    if (source->set && remote->generation == remote->sh->halves.generation) {
        return NGX_OK;
    }

    return ngx_http_gateway_jwt_remote_load(remote);
}


/* if the new keys cannot be read, the old ones must not serve either */

static ngx_int_t
ngx_http_gateway_jwt_remote_load(ngx_http_gateway_jwt_remote_t *remote)
{
    char                            err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_str_t                       text;
    gw_jwk_set_t                   *set;
    ngx_atomic_uint_t               generation;
    ngx_http_gateway_jwt_source_t  *source;

    source = remote->source;
    set = NULL;

    ngx_sprintf((u_char *) err, "no memory%Z");

    if (ngx_http_gateway_jwt_remote_copy(remote, &text, &generation)
        == NGX_OK)
    {
        set = ngx_http_gateway_jwt_remote_parse(remote, &text, 1, err);

        ngx_explicit_memzero(text.data, text.len);
        ngx_free(text.data);
    }

    ngx_http_gateway_jwt_source_set(source, set);

    if (set == NULL) {
        if (ngx_http_gateway_may_say(&remote->said, NGX_HTTP_GATEWAY_SAY)) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%s \"%V\"%V: the fetched keys could not be read: "
                          "%s, requests are answered with 503",
                          source->directive, &source->shown, &source->where,
                          err);
        }

        return NGX_ERROR;
    }

    remote->generation = generation;

    return NGX_OK;
}


/* copies the text in force, which the caller frees */

static ngx_int_t
ngx_http_gateway_jwt_remote_copy(ngx_http_gateway_jwt_remote_t *remote,
    ngx_str_t *text, ngx_atomic_uint_t *generation)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_gateway_halves_t  *halves;

    halves = &remote->sh->halves;

    for (i = 0; i < 2; i++) {
        ngx_str_null(text);

        rc = ngx_http_gateway_halves_begin(halves, generation)
             ? ngx_http_gateway_jwt_remote_take(remote, text, *generation)
             : NGX_DECLINED;

        if (ngx_http_gateway_halves_end(halves, *generation) && rc == NGX_OK) {
            return NGX_OK;
        }

        if (text->data) {
            ngx_explicit_memzero(text->data, text->len);
            ngx_free(text->data);
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_jwt_remote_take(ngx_http_gateway_jwt_remote_t *remote,
    ngx_str_t *text, ngx_atomic_uint_t generation)
{
    size_t                             len;
    ngx_http_gateway_jwt_text_half_t  *half;

    half = ngx_http_gateway_jwt_text(remote->sh, generation);
    len = half->len;

    if (len == 0 || len > NGX_HTTP_GATEWAY_JWT_MAX_SET) {
        return NGX_DECLINED;
    }

    text->data = ngx_alloc(len, ngx_cycle->log);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = len;
    ngx_memcpy(text->data, half->text, len);

    return NGX_OK;
}
