/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counting: fetches of key sets, the age of fetched keys, the keys of files,
 * and the use of the token cache.
 */

#include "ngx_http_gateway_jwt_count.h"


static ngx_int_t ngx_http_gateway_jwt_count_remotes(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);
static ngx_int_t ngx_http_gateway_jwt_count_cache(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);
static ngx_int_t ngx_http_gateway_jwt_read_age(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_uint_t ngx_http_gateway_jwt_age(
    const ngx_http_gateway_jwt_source_t *source, double *age);
static ngx_int_t ngx_http_gateway_jwt_read_keys(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_uint_t ngx_http_gateway_jwt_shown_before(
    ngx_http_gateway_jwt_source_t **source, ngx_uint_t i);


static const ngx_http_gateway_metric_t  ngx_http_gateway_jwt_fetches =
    { "jwt_key_fetches_total", "Fetches of key sets, by how they ended.",
      "source result", NGX_HTTP_GATEWAY_METRIC_COUNTER };

static const ngx_http_gateway_metric_t  ngx_http_gateway_jwt_key_age =
    { "jwt_key_age_seconds", "Time since a key set was last fetched.",
      "source", NGX_HTTP_GATEWAY_METRIC_STATE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_jwt_file_keys =
    { "jwt_keys", "Keys of a file that are in force.",
      "file", NGX_HTTP_GATEWAY_METRIC_STATE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_jwt_cache_requests =
    { "jwt_token_cache_requests_total",
      "Signed tokens, by whether they were verified before.",
      "result", NGX_HTTP_GATEWAY_METRIC_COUNTER };


static const ngx_str_t  ngx_http_gateway_jwt_fetch_words[] = {
    [NGX_HTTP_GATEWAY_JWT_FETCHED] = ngx_string("success"),
    [NGX_HTTP_GATEWAY_JWT_FAILED] = ngx_string("failure"),
    [NGX_HTTP_GATEWAY_JWT_ABORTED] = ngx_string("aborted")
};

_Static_assert(sizeof(ngx_http_gateway_jwt_fetch_words)
               / sizeof(ngx_http_gateway_jwt_fetch_words[0])
               == NGX_HTTP_GATEWAY_JWT_FETCHES, "each result has a word");


void
ngx_http_gateway_jwt_count_token(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    ngx_uint_t hit)
{
    if (jmcf->known) {
        ngx_http_gateway_add(hit ? jmcf->hits : jmcf->misses, 1);
    }
}


ngx_int_t
ngx_http_gateway_jwt_count_init(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    if (!ngx_http_gateway_metrics_on(cf)) {
        return NGX_OK;
    }

    if (ngx_http_gateway_jwt_count_remotes(cf, jmcf) != NGX_OK
        || ngx_http_gateway_reader_add(cf, &ngx_http_gateway_jwt_key_age,
                                       ngx_http_gateway_jwt_read_age,
                                       &jmcf->sources)
           != NGX_OK
        || ngx_http_gateway_reader_add(cf, &ngx_http_gateway_jwt_file_keys,
                                       ngx_http_gateway_jwt_read_keys,
                                       &jmcf->sources)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return jmcf->token_cache ? ngx_http_gateway_jwt_count_cache(cf, jmcf)
                             : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_count_remotes(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_str_t                        values[2];
    ngx_uint_t                       i, k;
    ngx_http_gateway_jwt_remote_t   *remote;
    ngx_http_gateway_jwt_source_t  **source;

    source = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        remote = source[i]->remote;

        if (remote == NULL || remote->zone == NULL) {
            continue;
        }

        values[0] = source[i]->shown;

        for (k = 0; k < NGX_HTTP_GATEWAY_JWT_FETCHES; k++) {

            values[1] = ngx_http_gateway_jwt_fetch_words[k];

            if (ngx_http_gateway_series_add(cf, &ngx_http_gateway_jwt_fetches,
                                            values, &remote->fetches[k])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_count_cache(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    static const ngx_str_t  hit = ngx_string("hit");
    static const ngx_str_t  miss = ngx_string("miss");

    if (ngx_http_gateway_series_add(cf, &ngx_http_gateway_jwt_cache_requests,
                                    &hit, &jmcf->hits)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_series_add(cf,
                                       &ngx_http_gateway_jwt_cache_requests,
                                       &miss, &jmcf->misses);
}


/* of sources with the same URI, such as those of two servers, the oldest */

static ngx_int_t
ngx_http_gateway_jwt_read_age(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_array_t *sources = data;

    double                           age;
    ngx_uint_t                       k, found;
    ngx_http_gateway_jwt_source_t  **source;

    if (i >= sources->nelts) {
        return NGX_DONE;
    }

    source = sources->elts;

    if (source[i]->remote == NULL
        || ngx_http_gateway_jwt_shown_before(source, i))
    {
        return NGX_DECLINED;
    }

    sample->values[0] = source[i]->shown;
    sample->value = 0;

    for (k = i, found = 0; k < sources->nelts; k++) {

        if (source[k]->kind == source[i]->kind
            && ngx_http_gateway_same(&source[k]->shown, &source[i]->shown)
            && ngx_http_gateway_jwt_age(source[k], &age))
        {
            sample->value = ngx_max(sample->value, age);
            found = 1;
        }
    }

    return found ? NGX_OK : NGX_DECLINED;
}


/* 0: no keys have been fetched yet */

static ngx_uint_t
ngx_http_gateway_jwt_age(const ngx_http_gateway_jwt_source_t *source,
    double *age)
{
    ngx_atomic_uint_t               succeeded;
    ngx_http_gateway_jwt_remote_t  *remote;

    remote = source->remote;

    if (remote->sh == NULL) {
        return 0;
    }

    succeeded = remote->sh->succeeded;

    if (succeeded == 0) {
        return 0;
    }

    *age = gw_fetch_ago(ngx_current_msec, succeeded) / 1000.0;

    return 1;
}


/* a file that is read in several formats has several sets: the first one */

static ngx_int_t
ngx_http_gateway_jwt_read_keys(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_array_t *sources = data;

    ngx_http_gateway_jwt_source_t  **source;

    if (i >= sources->nelts) {
        return NGX_DONE;
    }

    source = sources->elts;

    if (source[i]->kind != NGX_HTTP_GATEWAY_JWT_FILE
        || ngx_http_gateway_jwt_shown_before(source, i))
    {
        return NGX_DECLINED;
    }

    sample->values[0] = source[i]->watch.path;
    sample->value = source[i]->set ? gw_jwk_set_count(source[i]->set) : 0;

    return NGX_OK;
}


/* whether an earlier source of the same kind has the same path or URI */

static ngx_uint_t
ngx_http_gateway_jwt_shown_before(ngx_http_gateway_jwt_source_t **source,
    ngx_uint_t i)
{
    ngx_uint_t  k;

    for (k = 0; k < i; k++) {
        if (source[k]->kind == source[i]->kind
            && ngx_http_gateway_same(&source[k]->shown, &source[i]->shown))
        {
            return 1;
        }
    }

    return 0;
}
