/* SPDX-License-Identifier: BSD-2-Clause */

/* which requests a gateway_log logs: if=, sample=, keep= and slow= */

#include "ngx_http_gateway_log_entry.h"
#include "gw_sample.h"


/* keep= */

#define NGX_HTTP_GATEWAY_LOG_KEEP_4XX      0x01
#define NGX_HTTP_GATEWAY_LOG_KEEP_5XX      0x02
#define NGX_HTTP_GATEWAY_LOG_KEEP_DENIED   0x04
#define NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED  0x08


static const struct {
    ngx_str_t   word;
    ngx_uint_t  bit;
} ngx_http_gateway_log_keep_words[] = {
    { ngx_string("4xx"), NGX_HTTP_GATEWAY_LOG_KEEP_4XX },
    { ngx_string("5xx"), NGX_HTTP_GATEWAY_LOG_KEEP_5XX },
    { ngx_string("denied"), NGX_HTTP_GATEWAY_LOG_KEEP_DENIED },
    { ngx_string("aborted"), NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED },
    { ngx_null_string, 0 }
};


/* variables to sample by, in this order */

static ngx_str_t  ngx_http_gateway_log_ids[NGX_HTTP_GATEWAY_LOG_IDS] = {
    ngx_string("gateway_trace_id"),
    ngx_string("gateway_request_id")
};


/* --- configuration */

char *
ngx_http_gateway_log_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_log_sample_t *sample = field;

    sample->text = *value;

    return ngx_http_gateway_param_sample(cf, param, value, &sample->threshold);
}


/* a word of keep=, or a status */

static char *
ngx_http_gateway_log_keep_word(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select, ngx_str_t *word)
{
    ngx_int_t    n;
    ngx_uint_t   i, *code;

    for (i = 0; ngx_http_gateway_log_keep_words[i].word.len; i++) {
        if (ngx_http_gateway_same(word,
                                  &ngx_http_gateway_log_keep_words[i].word))
        {
            select->keep |= ngx_http_gateway_log_keep_words[i].bit;
            return NGX_CONF_OK;
        }
    }

    n = ngx_atoi(word->data, word->len);

    if (n == NGX_ERROR || word->len != 3 || n < 100 || n > 599) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"keep=\", "
                           "it must be 4xx, 5xx, denied, aborted or a "
                           "status from 100 to 599", word);
        return NGX_CONF_ERROR;
    }

    code = ngx_array_push(&select->codes);
    if (code == NULL) {
        return NGX_CONF_ERROR;
    }

    *code = n;

    return NGX_CONF_OK;
}


/* keep=word,... */

static char *
ngx_http_gateway_log_keep(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select, const ngx_str_t *keep)
{
    u_char     *p, *last, *comma;
    ngx_str_t   word;

    last = keep->data + keep->len;

    for (p = keep->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        word.data = p;
        word.len = comma - p;

        if (ngx_http_gateway_log_keep_word(cf, select, &word) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_log_rate(ngx_http_gateway_log_select_t *select,
    const ngx_http_gateway_log_sample_t *sample)
{
    select->threshold = sample->threshold;

    if (select->threshold == GW_SAMPLE_ALL) {
        return;
    }

    select->rate = sample->text;

    /* the record has it as a number; numbers of JSON have no leading zeros */

    while (select->rate.len > 1 && select->rate.data[0] == '0'
           && select->rate.data[1] != '.')
    {
        select->rate.data++;
        select->rate.len--;
    }
}


/* sample=, keep= and slow= */

static char *
ngx_http_gateway_log_share(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select,
    const ngx_http_gateway_log_args_t *args)
{
    ngx_str_t  keep;

    keep = args->keep;

    if (keep.len == 0) {
        ngx_str_set(&keep, "5xx,aborted");
    }

    if (ngx_http_gateway_log_keep(cf, select, &keep) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_log_rate(select, &args->sample);

    if (select->rate.len == 0
        && (args->keep.len || args->slow != NGX_CONF_UNSET_MSEC))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%s\" has no effect in \"gateway_log\" without "
                           "\"sample=\" below 1",
                           args->keep.len ? "keep=" : "slow=");
    }

    return NGX_CONF_OK;
}


/* if=; a condition without variables is an error */

static char *
ngx_http_gateway_log_filter(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select,
    const ngx_http_gateway_log_args_t *args)
{
    ngx_str_t  value;

    value = args->filter;

    if (value.len == 0) {
        return NGX_CONF_OK;
    }

    select->condition = value;

    select->filter = ngx_http_gateway_complex_value(cf, &value);
    if (select->filter == NULL) {
        return NGX_CONF_ERROR;
    }

    if (select->filter->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"if=\", it "
                           "must hold a variable", &select->condition);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_log_select(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select,
    const ngx_http_gateway_log_args_t *args)
{
    select->slow = args->slow;

    if (ngx_array_init(&select->codes, cf->pool, 2, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_share(cf, select, args) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_filter(cf, select, args);
}


ngx_uint_t
ngx_http_gateway_log_select_observes(
    const ngx_http_gateway_log_select_t *select)
{
    ngx_uint_t  what;

    what = 0;

    if (select->rate.len && (select->keep & NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED))
    {
        what |= NGX_HTTP_GATEWAY_OBSERVE_END;
    }

    if (select->rate.len && select->slow != NGX_CONF_UNSET_MSEC) {
        what |= NGX_HTTP_GATEWAY_OBSERVE_TIME;
    }

    return what;
}


ngx_int_t
ngx_http_gateway_log_select_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_IDS; i++) {
        lmcf->ids[i] = ngx_http_gateway_log_known(cf,
                                                  &ngx_http_gateway_log_ids[i]);

        if (lmcf->ids[i] == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* --- a request */

/* rejected by a gateway module, or with a status that means so */

static ngx_uint_t
ngx_http_gateway_log_denied(const ngx_http_gateway_log_record_t *rec)
{
    ngx_http_gateway_refusal_t  *refusal;

    if (rec->status == NGX_HTTP_UNAUTHORIZED
        || rec->status == NGX_HTTP_FORBIDDEN
        || rec->status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        return 1;
    }

    for (refusal = rec->gr ? rec->gr->refusals : NULL;
         refusal;
         refusal = refusal->next)
    {
        if (!refusal->offered && refusal->status == rec->status) {
            return 1;
        }
    }

    return 0;
}


/* whether a request that is not in the sample is logged nevertheless */

static ngx_uint_t
ngx_http_gateway_log_kept(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_select_t *select)
{
    ngx_uint_t  i, status, *code;

    status = rec->status;

    if (((select->keep & NGX_HTTP_GATEWAY_LOG_KEEP_4XX)
         && status >= 400 && status < 500)
        || ((select->keep & NGX_HTTP_GATEWAY_LOG_KEEP_5XX) && status >= 500)
        || ((select->keep & NGX_HTTP_GATEWAY_LOG_KEEP_DENIED)
            && ngx_http_gateway_log_denied(rec))
        || ((select->keep & NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED)
            && (status == NGX_HTTP_CLIENT_CLOSED_REQUEST
                || ngx_http_gateway_incomplete(rec->request, rec->gr))))
    {
        return 1;
    }

    code = select->codes.elts;

    for (i = 0; i < select->codes.nelts; i++) {
        if (code[i] == status) {
            return 1;
        }
    }

    return select->slow != NGX_CONF_UNSET_MSEC
           && ngx_http_gateway_duration(rec->request, rec->gr)
              >= (uint64_t) select->slow * 1000000;
}


/*
 * The number that a request is sampled by: the last 7 bytes of its trace id, so
 * that all who sample the trace decide the same; else a hash of its request id;
 * else a random number.
 */

static uint64_t
ngx_http_gateway_log_number(ngx_http_request_t *r)
{
    ngx_uint_t                         i;
    ngx_http_variable_value_t         *v;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_log_module);

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_IDS; i++) {

        if (lmcf->ids[i] < 0) {
            continue;
        }

        v = ngx_http_get_flushed_variable(r, (ngx_uint_t) lmcf->ids[i]);

        if (v == NULL || v->not_found || v->len == 0) {
            continue;
        }

        if (i == 0 && v->len == GW_SAMPLE_ID) {
            return gw_sample_number(v->data);
        }

        return (uint64_t) ngx_murmur_hash2(v->data, v->len) << 24
               | ngx_crc32_short(v->data, v->len) >> 8;
    }

    return ((uint64_t) ngx_random() << 32 ^ (uint64_t) ngx_random())
           & (GW_SAMPLE_NONE - 1);
}


ngx_uint_t
ngx_http_gateway_log_selected(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_select_t *select)
{
    ngx_str_t            value;
    ngx_http_request_t  *r = rec->request;

    if (select->filter != NULL) {

        if (ngx_http_complex_value(r, select->filter, &value) != NGX_OK) {
            return 0;
        }

        if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
            return 0;
        }
    }

    return select->rate.len == 0
           || gw_sampled(ngx_http_gateway_log_number(r), select->threshold)
           || ngx_http_gateway_log_kept(rec, select);
}
