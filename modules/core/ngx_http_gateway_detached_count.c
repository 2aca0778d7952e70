/* SPDX-License-Identifier: BSD-2-Clause */

/* counting detached requests */

#include "ngx_http_gateway_detached_private.h"


static void ngx_http_gateway_detached_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);


static const ngx_http_gateway_metric_t  ngx_http_gateway_detached_metric =
    { "detached_requests_total",
      "Requests of the gateway itself: refreshes, keys, introspection.",
      "user result", NGX_HTTP_GATEWAY_METRIC_COUNTER };


static const ngx_str_t  ngx_http_gateway_detached_results[] = {
    [NGX_HTTP_GATEWAY_DETACHED_COMPLETE] = ngx_string("complete"),
    [NGX_HTTP_GATEWAY_DETACHED_FAILED] = ngx_string("failed"),
    [NGX_HTTP_GATEWAY_DETACHED_TIMEOUT] = ngx_string("timeout"),
    [NGX_HTTP_GATEWAY_DETACHED_CANCELED] = ngx_string("canceled"),
    [NGX_HTTP_GATEWAY_DETACHED_REJECTED] = ngx_string("rejected")
};

_Static_assert(sizeof(ngx_http_gateway_detached_results)
               / sizeof(ngx_http_gateway_detached_results[0])
               == NGX_HTTP_GATEWAY_DETACHED_RESULTS, "each result has a word");


void
ngx_http_gateway_detached_count(ngx_http_gateway_detached_t *d,
    ngx_http_gateway_detached_result_e result)
{
    ngx_uint_t                      i;
    const char                    **name;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_get_module_main_conf(d->main, ngx_http_gateway_module);

    if (gmcf->counts == NULL) {
        return;
    }

    name = gmcf->detaches->elts;

    for (i = 0; i < gmcf->detaches->nelts; i++) {

        if (ngx_strcmp(name[i], d->conf.user->name) == 0) {
            ngx_http_gateway_add_at(gmcf->counts->detached,
                                    i * NGX_HTTP_GATEWAY_DETACHED_RESULTS
                                    + result, 1);
            return;
        }
    }
}


static void
ngx_http_gateway_detached_labels(void *data, ngx_uint_t i, ngx_str_t *values)
{
    ngx_array_t *names = data;

    const char  **name;

    name = names->elts;
    name += i / NGX_HTTP_GATEWAY_DETACHED_RESULTS;

    values[0].data = (u_char *) *name;
    values[0].len = ngx_strlen(*name);
    values[1] = ngx_http_gateway_detached_results[
                                       i % NGX_HTTP_GATEWAY_DETACHED_RESULTS];
}


ngx_int_t
ngx_http_gateway_detached_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    if (gmcf->detaches == NULL) {
        return NGX_OK;
    }

    return ngx_http_gateway_vector_add(cf, &ngx_http_gateway_detached_metric,
                                       gmcf->detaches->nelts
                                       * NGX_HTTP_GATEWAY_DETACHED_RESULTS,
                                       ngx_http_gateway_detached_labels,
                                       gmcf->detaches,
                                       &gmcf->counts->detached);
}
