/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counting verdicts: what the methods of authentication and the access rules
 * have decided.  A request has a verdict of each method that was called, and
 * again after an internal redirect.
 */

#include "ngx_http_gateway_count.h"


/* reasons of verdicts: those of refusals, none, and "internal_error" */
#define NGX_HTTP_GATEWAY_VERDICT_REASONS  (GW_FAILED + 1)


typedef enum {
    NGX_HTTP_GATEWAY_VERDICT_GRANTED = 0,
    NGX_HTTP_GATEWAY_VERDICT_REFUSED,
    NGX_HTTP_GATEWAY_VERDICT_ANONYMOUS,         /* no credential; optional */
    NGX_HTTP_GATEWAY_VERDICT_WOULD_GRANT,
    NGX_HTTP_GATEWAY_VERDICT_WOULD_REFUSE,
    NGX_HTTP_GATEWAY_VERDICT_FAILED,
    NGX_HTTP_GATEWAY_VERDICT_RESULTS
} ngx_http_gateway_verdict_e;


static ngx_http_gateway_verdict_e ngx_http_gateway_verdict_result(
    gw_reason_e reason, ngx_uint_t mode);
static void ngx_http_gateway_verdict_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);


static const ngx_http_gateway_metric_t  ngx_http_gateway_verdict_metric =
    { "auth_verdicts_total",
      "Verdicts of authentication methods, and refusals of access rules.",
      "method result reason", NGX_HTTP_GATEWAY_METRIC_COUNTER };


static const ngx_str_t  ngx_http_gateway_verdict_results[] = {
    [NGX_HTTP_GATEWAY_VERDICT_GRANTED] = ngx_string("granted"),
    [NGX_HTTP_GATEWAY_VERDICT_REFUSED] = ngx_string("refused"),
    [NGX_HTTP_GATEWAY_VERDICT_ANONYMOUS] = ngx_string("anonymous"),
    [NGX_HTTP_GATEWAY_VERDICT_WOULD_GRANT] = ngx_string("granted_dry_run"),
    [NGX_HTTP_GATEWAY_VERDICT_WOULD_REFUSE] = ngx_string("refused_dry_run"),
    [NGX_HTTP_GATEWAY_VERDICT_FAILED] = ngx_string("failed")
};

_Static_assert(sizeof(ngx_http_gateway_verdict_results)
               / sizeof(ngx_http_gateway_verdict_results[0])
               == NGX_HTTP_GATEWAY_VERDICT_RESULTS, "each result has a word");


/* the access rules are the first row, before the methods by their indices */

void
ngx_http_gateway_verdict(ngx_http_request_t *r,
    const ngx_http_gateway_refusal_t *verdict, ngx_uint_t mode)
{
    ngx_uint_t                     i;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->counts == NULL) {
        return;
    }

    i = verdict->method + 1;
    i = i * NGX_HTTP_GATEWAY_VERDICT_RESULTS
        + ngx_http_gateway_verdict_result(verdict->reason, mode);
    i = i * NGX_HTTP_GATEWAY_VERDICT_REASONS + verdict->reason;

    ngx_http_gateway_add_at(gmcf->counts->verdicts, i, 1);
}


static ngx_http_gateway_verdict_e
ngx_http_gateway_verdict_result(gw_reason_e reason, ngx_uint_t mode)
{
    if (reason == GW_FAILED) {
        return NGX_HTTP_GATEWAY_VERDICT_FAILED;
    }

    if (mode == NGX_HTTP_GATEWAY_DRY_RUN) {
        return (reason == GW_OK) ? NGX_HTTP_GATEWAY_VERDICT_WOULD_GRANT
                                 : NGX_HTTP_GATEWAY_VERDICT_WOULD_REFUSE;
    }

    if (reason == GW_OK) {
        return NGX_HTTP_GATEWAY_VERDICT_GRANTED;
    }

    return (reason == GW_MISSING && mode == NGX_HTTP_GATEWAY_OPTIONAL)
           ? NGX_HTTP_GATEWAY_VERDICT_ANONYMOUS
           : NGX_HTTP_GATEWAY_VERDICT_REFUSED;
}


static void
ngx_http_gateway_verdict_labels(void *data, ngx_uint_t i, ngx_str_t *values)
{
    ngx_array_t *methods = data;

    ngx_http_gateway_method_t  *method;

    values[2].data = (u_char *) gw_reason_word(
                                     i % NGX_HTTP_GATEWAY_VERDICT_REASONS);
    values[2].len = ngx_strlen(values[2].data);

    i /= NGX_HTTP_GATEWAY_VERDICT_REASONS;
    values[1] = ngx_http_gateway_verdict_results[
                                        i % NGX_HTTP_GATEWAY_VERDICT_RESULTS];

    i /= NGX_HTTP_GATEWAY_VERDICT_RESULTS;

    if (i == 0) {
        ngx_str_set(&values[0], "access");
        return;
    }

    method = methods->elts;
    values[0] = method[i - 1].name;
}


ngx_int_t
ngx_http_gateway_verdicts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    return ngx_http_gateway_vector_add(cf, &ngx_http_gateway_verdict_metric,
                                       (gmcf->methods.nelts + 1)
                                       * NGX_HTTP_GATEWAY_VERDICT_RESULTS
                                       * NGX_HTTP_GATEWAY_VERDICT_REASONS,
                                       ngx_http_gateway_verdict_labels,
                                       &gmcf->methods,
                                       &gmcf->counts->verdicts);
}
