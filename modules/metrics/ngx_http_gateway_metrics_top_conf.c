/* SPDX-License-Identifier: BSD-2-Clause */

/* gateway_metrics_top */

#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_metrics_top.h"


#define NGX_HTTP_GATEWAY_METRICS_TOPS  32   /* each has a part of the area */


static ngx_http_gateway_metrics_top_t *ngx_http_gateway_metrics_top_add(
    ngx_conf_t *cf, ngx_http_gateway_metrics_main_conf_t *mmcf,
    const ngx_str_t *name, const ngx_str_t *variable);
static ngx_int_t ngx_http_gateway_metrics_top_variable(ngx_conf_t *cf,
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *variable);
static ngx_uint_t ngx_http_gateway_metrics_top_variable_named(
    const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_metrics_top_named(const ngx_str_t *name);
static char *ngx_http_gateway_metrics_top_number(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_gateway_metrics_tops_default(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf);
static ngx_int_t ngx_http_gateway_metrics_top_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_top_t *top);
static ngx_uint_t ngx_http_gateway_metrics_top_reserved(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_top_t *top);


static const ngx_http_gateway_param_t  ngx_http_gateway_metrics_top_params[] = {

    { ngx_string("max="), ngx_http_gateway_metrics_top_number,
      offsetof(ngx_http_gateway_metrics_top_t, max), 0 },

    ngx_http_gateway_null_param
};


/* names whose families can exist in another configuration, if not in this one:
   a change of the configuration must not be refused because of them */

static const ngx_str_t  ngx_http_gateway_metrics_top_taken[] = {
    ngx_string("http"),
    ngx_string("cache"),
    ngx_string("detached"),
    ngx_string("proxy_cache"),
    ngx_string("jwt_token_cache"),
    ngx_null_string
};


char *
ngx_http_gateway_metrics_top_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_metrics_main_conf_t *mmcf = conf;

    ngx_str_t                        *value, variable;
    ngx_uint_t                        off;
    ngx_http_gateway_metrics_top_t   *top;

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (mmcf->tops_off || (off && mmcf->tops.nelts)) {
        return ngx_http_gateway_param_off_conflicts(cf);
    }

    if (mmcf->tops_place.line == 0) {
        ngx_http_gateway_place(cf, &mmcf->tops_place);
    }

    if (off) {
        mmcf->tops_off = 1;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (cf->args->nelts < 3) {
        return "requires a name and a variable, such as \"client "
               "$remote_addr\"";
    }

    if (!ngx_http_gateway_metrics_top_named(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"gateway_metrics_top\", it "
                           "must be at most %d lower-case letters, digits and "
                           "\"_\", and begin with a letter", &value[1],
                           NGX_HTTP_GATEWAY_METRICS_TOP_NAME);
        return NGX_CONF_ERROR;
    }

    variable.data = value[2].data + 1;
    variable.len = value[2].len - 1;

    if (value[2].len < 2 || value[2].data[0] != '$'
        || !ngx_http_gateway_metrics_top_variable_named(&variable)
        || ngx_http_gateway_reads(cf, &value[2]) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable \"%V\" in "
                           "\"gateway_metrics_top\", it must be one variable "
                           "such as \"$remote_addr\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    top = ngx_http_gateway_metrics_top_add(cf, mmcf, &value[1], &variable);

    return top ? ngx_http_gateway_params(cf,
                                         ngx_http_gateway_metrics_top_params,
                                         top, 3)
               : NGX_CONF_ERROR;
}


/* letters, digits and "_"; not the number of a capture */

static ngx_uint_t
ngx_http_gateway_metrics_top_variable_named(const ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    if (name->len == 0 || (name->data[0] >= '0' && name->data[0] <= '9')) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i] | 0x20;

        if (!((c >= 'a' && c <= 'z') || name->data[i] == '_'
              || (name->data[i] >= '0' && name->data[i] <= '9')))
        {
            return 0;
        }
    }

    return 1;
}


/* labels and parts of names in Prometheus */

static ngx_uint_t
ngx_http_gateway_metrics_top_named(const ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    if (name->len == 0 || name->len > NGX_HTTP_GATEWAY_METRICS_TOP_NAME
        || name->data[0] < 'a' || name->data[0] > 'z')
    {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return 0;
        }
    }

    return 1;
}


static ngx_http_gateway_metrics_top_t *
ngx_http_gateway_metrics_top_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf, const ngx_str_t *name,
    const ngx_str_t *variable)
{
    ngx_uint_t                        i;
    ngx_http_gateway_metrics_top_t   *top, **slot;

    slot = mmcf->tops.elts;

    for (i = 0; i < mmcf->tops.nelts; i++) {
        if (ngx_http_gateway_same(&slot[i]->name, name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"gateway_metrics_top %V\" is duplicate",
                               name);
            return NULL;
        }
    }

    if (i == NGX_HTTP_GATEWAY_METRICS_TOPS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d \"gateway_metrics_top\" directives",
                           NGX_HTTP_GATEWAY_METRICS_TOPS);
        return NULL;
    }

    top = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_top_t));
    slot = ngx_array_push(&mmcf->tops);

    if (top == NULL || slot == NULL) {
        return NULL;
    }

    *slot = top;

    top->name = *name;
    top->max = NGX_HTTP_GATEWAY_METRICS_TOP_DEFAULT;
    top->pool = cf->pool;
    ngx_http_gateway_place(cf, &top->place);

    return (ngx_http_gateway_metrics_top_variable(cf, top, variable) == NGX_OK)
           ? top : NULL;
}


/* strings of the request's record are read without their variables */

static ngx_int_t
ngx_http_gateway_metrics_top_variable(ngx_conf_t *cf,
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *variable)
{
    ngx_str_t   name;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t  name;
        size_t     offset;
    } strings[] = {
        { ngx_string("gateway_consumer"),
          offsetof(ngx_http_gateway_request_t, identity.consumer) },
        { ngx_string("gateway_plan"),
          offsetof(ngx_http_gateway_request_t, identity.plan) }
    };

    /* variables have names in lower case */

    name.len = variable->len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(name.data, variable->data, name.len);

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {

        if (ngx_http_gateway_same(&name, &strings[i].name)) {
            top->index = NGX_DECLINED;
            top->offset = strings[i].offset;

            return NGX_OK;
        }
    }

    top->index = ngx_http_get_variable_index(cf, &name);

    return (top->index == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static char *
ngx_http_gateway_metrics_top_number(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_HTTP_GATEWAY_METRICS_TOP_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a number from 1 to %d", value, &param->name,
                           NGX_HTTP_GATEWAY_METRICS_TOP_MAX);
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) field = n;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_tops_default(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    ngx_uint_t  i;

    static const ngx_str_t  defaults[][2] = {
        { ngx_string("consumer"), ngx_string("gateway_consumer") },
        { ngx_string("plan"), ngx_string("gateway_plan") }
    };

    if (mmcf->tops_off || mmcf->tops.nelts) {
        return NGX_OK;
    }

    for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {

        if (ngx_http_gateway_metrics_top_add(cf, mmcf, &defaults[i][0],
                                             &defaults[i][1])
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_metrics_tops_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    ngx_uint_t                        i;
    ngx_http_gateway_metrics_top_t  **top;

    if (ngx_http_gateway_metrics_tops_default(cf, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    top = mmcf->tops.elts;

    for (i = 0; i < mmcf->tops.nelts; i++) {

        if (ngx_http_gateway_metrics_top_reserved(cf, top[i])) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the name \"%V\" of \"gateway_metrics_top\" makes a "
                          "family or a label that exists, choose another one "
                          "in %V:%ui", &top[i]->name,
                          ngx_http_gateway_place_args(&top[i]->place));
            return NGX_ERROR;
        }
    }

    for (i = 0; i < mmcf->tops.nelts; i++) {

        if (ngx_http_gateway_metrics_top_init(cf, top[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (top[i]->index != NGX_DECLINED) {
            mmcf->tops_read = 1;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_metrics_top_reserved(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_top_t *top)
{
    u_char            buf[NGX_HTTP_GATEWAY_METRICS_TOP_NAME
                          + sizeof("_response_bytes_total")];
    ngx_str_t         family;
    ngx_uint_t        i;
    const ngx_str_t  *taken;

    static const char *const  suffix[] = { "requests_total",
                                           "response_bytes_total" };

    /* labels of the top itself, of histograms, and of Prometheus */

    static const ngx_str_t  labels[] = {
        ngx_string("class"), ngx_string("le"), ngx_string("quantile"),
        ngx_string("instance"), ngx_string("job")
    };

    for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (ngx_http_gateway_same(&top->name, &labels[i])) {
            return 1;
        }
    }

    for (taken = ngx_http_gateway_metrics_top_taken; taken->len; taken++) {
        if (ngx_http_gateway_same(&top->name, taken)) {
            return 1;
        }
    }

    family.data = buf;

    for (i = 0; i < 2; i++) {
        family.len = ngx_sprintf(buf, "%V_%s", &top->name, suffix[i]) - buf;

        if (ngx_http_gateway_metrics_known(cf, &family)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_metrics_top_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_top_t *top)
{
    u_char  *p;

    top->size = 16;

    while (top->size < 2 * top->max) {
        top->size *= 2;
    }

    p = ngx_pnalloc(cf->pool, 3 * (top->name.len + 1)
                              + sizeof("_requests_total") - 1
                              + sizeof("Requests by , where it is known.")
                              - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    top->metric.kind = NGX_HTTP_GATEWAY_METRIC_TOP;

    top->metric.name = (char *) p;
    p = ngx_sprintf(p, "%V_requests_total%Z", &top->name);

    top->metric.help = (char *) p;
    p = ngx_sprintf(p, "Requests by %V, where it is known.%Z", &top->name);

    top->metric.labels = (char *) p;
    (void) ngx_sprintf(p, "%V%Z", &top->name);

    if (ngx_http_gateway_family_add(cf, &top->metric,
            top->max + ngx_http_gateway_metrics_top_spare(top->max))
        != NGX_OK
        || ngx_http_gateway_metrics_part_add(cf,
               sizeof(ngx_http_gateway_metrics_top_sh_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_forget_add(cf, ngx_http_gateway_metrics_top_forget,
                                       top);
}
