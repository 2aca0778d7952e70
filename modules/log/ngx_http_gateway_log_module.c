/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_log: one JSON record for each request.
 *
 * The record is written in core's log hook, after charges were settled, and
 * after nginx's own access_log.
 */

#include "ngx_http_gateway_log_syslog.h"
#include "gw_sample.h"


/* keep= */

#define NGX_HTTP_GATEWAY_LOG_KEEP_4XX      0x01
#define NGX_HTTP_GATEWAY_LOG_KEEP_5XX      0x02
#define NGX_HTTP_GATEWAY_LOG_KEEP_DENIED   0x04
#define NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED  0x08


/* one gateway_log */

typedef struct {
    ngx_http_gateway_log_sink_t           *sink;
    ngx_http_gateway_log_format_t         *format;
    ngx_http_complex_value_t              *filter;      /* NULL: none */
    ngx_str_t                              condition;   /* its source */
    uint64_t                               threshold;   /* gw_sample.h */
    ngx_str_t                              rate;        /* "": all */
    ngx_uint_t                             keep;        /* bits */
    ngx_array_t                            codes;       /* ngx_uint_t */
    ngx_msec_t                             slow;        /* or unset */
} ngx_http_gateway_log_entry_t;


/* a share of requests, parsed and as it was written */

typedef struct {
    uint64_t                               threshold;   /* gw_sample.h */
    ngx_str_t                              text;        /* "": there is none */
} ngx_http_gateway_log_sample_t;


/* the parameters of one */

typedef struct {
    size_t                                 buffer;
    ngx_msec_t                             flush;
    ngx_msec_t                             slow;
    ngx_str_t                              filter;
    ngx_http_gateway_log_sample_t          sample;
    ngx_str_t                              keep;
} ngx_http_gateway_log_args_t;


typedef struct {
    ngx_array_t                           *entries;     /* NULL: inherited */
    ngx_uint_t                             off;         /* unsigned:1 */
} ngx_http_gateway_log_loc_conf_t;


static void ngx_http_gateway_log_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_log_wanted(
    ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_entry_t *entry);
static ngx_uint_t ngx_http_gateway_log_kept(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_entry_t *entry);
static uint64_t ngx_http_gateway_log_number(ngx_http_request_t *r);

static void *ngx_http_gateway_log_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_log_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_log_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_gateway_log_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_log_parse(ngx_conf_t *cf,
    ngx_http_gateway_log_loc_conf_t *llcf);
static char *ngx_http_gateway_log_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_log_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_gateway_log_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_log_init_module(ngx_cycle_t *cycle);
static void ngx_http_gateway_log_exit_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_log_exit_master(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_gateway_log_commands[] = {

    { ngx_string("gateway_log_format"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_gateway_log_format_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_log_syslog"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_log_syslog_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_log_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_log_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_log_init,             /* postconfiguration */

    ngx_http_gateway_log_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_log_create_loc_conf,  /* create location configuration */
    ngx_http_gateway_log_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_log_module_ctx,      /* module context */
    ngx_http_gateway_log_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_log_init_module,      /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_log_exit_process,     /* exit process */
    ngx_http_gateway_log_exit_master,      /* exit master */
    NGX_MODULE_V1_PADDING
};


static const ngx_http_gateway_family_t  ngx_http_gateway_log_misfits =
    { "log_fields_omitted_total",
      "Fields that were left out since they did not fit their type.", "counter",
      NGX_HTTP_GATEWAY_STRIPED };


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


/* the variables by which requests are sampled */

static ngx_str_t  ngx_http_gateway_log_ids[NGX_HTTP_GATEWAY_LOG_IDS] = {
    ngx_string("gateway_trace_id"),
    ngx_string("gateway_request_id")
};


/* --- a request */

static ngx_uint_t
ngx_http_gateway_log_code(ngx_http_request_t *r)
{
    return r->err_status ? r->err_status : r->headers_out.status;
}


static void
ngx_http_gateway_log_handler(ngx_http_request_t *r)
{
    size_t                             size;
    ngx_str_t                          record;
    ngx_uint_t                         i;
    ngx_http_gateway_log_entry_t      *entry;
    ngx_http_gateway_log_record_t      rec;
    ngx_http_gateway_log_loc_conf_t   *llcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_log_module);

    if (llcf->entries == NULL) {
        return;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_log_module);

    rec.request = r;
    rec.gr = ngx_http_gateway_request(r);
    rec.status = ngx_http_gateway_log_code(r);
    rec.format = NULL;
    rec.lines = lmcf->lines;

    size = 0;
    entry = llcf->entries->elts;

    for (i = 0; i < llcf->entries->nelts; i++) {

        if (!ngx_http_gateway_log_wanted(&rec, &entry[i])) {
            continue;
        }

        /* sinks of one format and rate receive the same record */

        if (rec.format != entry[i].format
            || !ngx_http_gateway_same(rec.rate, &entry[i].rate)
            || size != entry[i].sink->record)
        {
            rec.format = entry[i].format;
            rec.rate = &entry[i].rate;
            size = entry[i].sink->record;

            if (ngx_http_gateway_log_record(&rec, lmcf->record, size, &record)
                != NGX_OK)
            {
                record.len = 0;
            }

            ngx_http_gateway_count(lmcf->misfits, rec.misfits);
        }

        ngx_http_gateway_log_sink_write(entry[i].sink, &record);
    }
}


static ngx_uint_t
ngx_http_gateway_log_wanted(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_entry_t *entry)
{
    ngx_str_t            value;
    ngx_http_request_t  *r = rec->request;

    if (entry->filter != NULL) {

        if (ngx_http_complex_value(r, entry->filter, &value) != NGX_OK) {
            return 0;
        }

        if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
            return 0;
        }
    }

    return entry->rate.len == 0
           || gw_sampled(ngx_http_gateway_log_number(r), entry->threshold)
           || ngx_http_gateway_log_kept(rec, entry);
}


/* refused by a gateway module, or by whoever answers so */

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


/* whether a request that is not in the sample is logged all the same */

static ngx_uint_t
ngx_http_gateway_log_kept(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_entry_t *entry)
{
    ngx_uint_t  i, status, *code;

    status = rec->status;

    if (((entry->keep & NGX_HTTP_GATEWAY_LOG_KEEP_4XX)
         && status >= 400 && status < 500)
        || ((entry->keep & NGX_HTTP_GATEWAY_LOG_KEEP_5XX) && status >= 500)
        || ((entry->keep & NGX_HTTP_GATEWAY_LOG_KEEP_DENIED)
            && ngx_http_gateway_log_denied(rec))
        || ((entry->keep & NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED)
            && (status == NGX_HTTP_CLIENT_CLOSED_REQUEST
                || ngx_http_gateway_incomplete(rec->request, rec->gr))))
    {
        return 1;
    }

    code = entry->codes.elts;

    for (i = 0; i < entry->codes.nelts; i++) {
        if (code[i] == status) {
            return 1;
        }
    }

    return entry->slow != NGX_CONF_UNSET_MSEC
           && ngx_http_gateway_duration(rec->request, rec->gr)
              >= (uint64_t) entry->slow * 1000000;
}


/*
 * What a request is sampled by: the last 7 bytes of its trace id, so that all
 * that sample the trace decide alike; else 7 bytes made of its request id; else
 * any.
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


/* --- configuration */

static void *
ngx_http_gateway_log_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_main_conf_t));

    if (lmcf == NULL
        || ngx_array_init(&lmcf->formats, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&lmcf->sinks, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&lmcf->syslogs, cf->pool, 2, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_http_gateway_log_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_loc_conf_t));
}


static char *
ngx_http_gateway_log_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_log_loc_conf_t *prev = parent;
    ngx_http_gateway_log_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    if (conf->entries == NULL && !conf->off) {
        conf->entries = prev->entries;
        conf->off = prev->off;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return ngx_http_gateway_log_sink_check(cf, lmcf, clcf->error_log);
}


/* keep=word,... */

static char *
ngx_http_gateway_log_keep(ngx_conf_t *cf, ngx_http_gateway_log_entry_t *entry,
    ngx_str_t *keep)
{
    u_char      *p, *last, *comma;
    ngx_int_t    n;
    ngx_str_t    word;
    ngx_uint_t   i, *code;

    last = keep->data + keep->len;

    for (p = keep->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        word.data = p;
        word.len = comma - p;

        for (i = 0; ngx_http_gateway_log_keep_words[i].word.len; i++) {
            if (ngx_http_gateway_same(&word,
                                  &ngx_http_gateway_log_keep_words[i].word))
            {
                break;
            }
        }

        if (ngx_http_gateway_log_keep_words[i].word.len) {
            entry->keep |= ngx_http_gateway_log_keep_words[i].bit;
            continue;
        }

        n = ngx_atoi(word.data, word.len);

        if (n == NGX_ERROR || word.len != 3 || n < 100 || n > 599) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in parameter \"keep=\", "
                               "it must be 4xx, 5xx, denied, aborted or a "
                               "status from 100 to 599", &word);
            return NGX_CONF_ERROR;
        }

        code = ngx_array_push(&entry->codes);
        if (code == NULL) {
            return NGX_CONF_ERROR;
        }

        *code = n;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_log_rate(ngx_http_gateway_log_entry_t *entry,
    const ngx_http_gateway_log_sample_t *sample)
{
    entry->threshold = sample->threshold;

    if (entry->threshold == GW_SAMPLE_ALL) {
        return;
    }

    entry->rate = sample->text;

    /* JSON has no number that begins so */

    while (entry->rate.len > 1 && entry->rate.data[0] == '0'
           && entry->rate.data[1] != '.')
    {
        entry->rate.data++;
        entry->rate.len--;
    }
}


static const ngx_http_gateway_log_kind_t *
ngx_http_gateway_log_kind(const ngx_str_t *path)
{
    return ngx_strncmp(path->data, "syslog:", 7) == 0
           ? &ngx_http_gateway_log_syslog_kind
           : &ngx_http_gateway_log_file_kind;
}


/*
 * Words of nginx that are no path: "stdin", what begins with "memory:", and all
 * in another case.  "./stdin" is a path.
 */

static ngx_uint_t
ngx_http_gateway_log_word(const ngx_str_t *path)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t   text;
        ngx_uint_t  prefix;         /* unsigned:1 */
        ngx_uint_t  known;          /* unsigned:1; is one in lower case */
    } words[] = {
        { ngx_string("stdout"), 0, 1 },
        { ngx_string("stderr"), 0, 1 },
        { ngx_string("off"), 0, 1 },
        { ngx_string("syslog:"), 1, 1 },
        { ngx_string("stdin"), 0, 0 },
        { ngx_string("memory:"), 1, 0 },
        { ngx_string("unix:"), 1, 0 },
        { ngx_null_string, 0, 0 }
    };

    for (i = 0; words[i].text.len; i++) {

        if (path->len < words[i].text.len
            || (path->len > words[i].text.len && !words[i].prefix)
            || ngx_strncasecmp(path->data, words[i].text.data,
                               words[i].text.len)
               != 0)
        {
            continue;
        }

        return !words[i].known
               || ngx_strncmp(path->data, words[i].text.data,
                              words[i].text.len)
                  != 0;
    }

    return strspn((char *) path->data, " \t\r\n") == path->len;
}


static char *
ngx_http_gateway_log_path(ngx_conf_t *cf,
    ngx_http_gateway_log_args_t *args, ngx_str_t *path)
{
    ngx_uint_t  syslog;

    syslog = (ngx_http_gateway_log_kind(path)
              == &ngx_http_gateway_log_syslog_kind);

    if (path->len == (syslog ? 7 : 0)
        || ngx_http_gateway_log_word(path)
        || ngx_strlchr(path->data, path->data + path->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"gateway_log\", it must "
                           "be stdout, stderr, syslog:name, or a file or a "
                           "pipe, without variables", path);
        return NGX_CONF_ERROR;
    }

    if (syslog && (args->buffer != NGX_CONF_UNSET_SIZE
                   || args->flush != NGX_CONF_UNSET_MSEC))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"buffer=\" and \"flush=\" cannot be used with "
                           "\"%V\", \"queue\" in \"gateway_log_syslog\" is "
                           "the size of its buffer", path);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_size_value(args->buffer, 65536);
    ngx_conf_init_msec_value(args->flush, 1000);

    return NGX_CONF_OK;
}


/* what core must keep for the records, and for keep= and slow= */

static ngx_uint_t
ngx_http_gateway_log_observes(const ngx_http_gateway_log_entry_t *entry)
{
    ngx_uint_t  what;

    what = ngx_http_gateway_log_vocabularies[entry->format->preset].observes;

    if (entry->rate.len && (entry->keep & NGX_HTTP_GATEWAY_LOG_KEEP_ABORTED)) {
        what |= NGX_HTTP_GATEWAY_OBSERVE_END;
    }

    if (entry->rate.len && entry->slow != NGX_CONF_UNSET_MSEC) {
        what |= NGX_HTTP_GATEWAY_OBSERVE_TIME;
    }

    return what;
}


/* sample=, and what is kept besides */

static char *
ngx_http_gateway_log_share(ngx_conf_t *cf, ngx_http_gateway_log_entry_t *entry,
    const ngx_http_gateway_log_args_t *args)
{
    ngx_str_t  keep;

    keep = args->keep;

    if (keep.len == 0) {
        ngx_str_set(&keep, "5xx,aborted");
    }

    if (ngx_http_gateway_log_keep(cf, entry, &keep) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_log_rate(entry, &args->sample);

    if (entry->rate.len == 0
        && (args->keep.len || args->slow != NGX_CONF_UNSET_MSEC))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%s\" has no effect in \"gateway_log\" without "
                           "\"sample=\" below 1",
                           args->keep.len ? "keep=" : "slow=");
    }

    return NGX_CONF_OK;
}


/* a condition that never changes is a mistake */

static char *
ngx_http_gateway_log_filter(ngx_conf_t *cf,
    ngx_http_gateway_log_entry_t *entry,
    const ngx_http_gateway_log_args_t *args)
{
    ngx_str_t  value;

    value = args->filter;

    if (value.len == 0) {
        return NGX_CONF_OK;
    }

    entry->condition = value;

    entry->filter = ngx_http_gateway_complex_value(cf, &value);
    if (entry->filter == NULL) {
        return NGX_CONF_ERROR;
    }

    if (entry->filter->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"if=\", it "
                           "must hold a variable", &entry->condition);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the last entry would write each record a second time */

static char *
ngx_http_gateway_log_duplicate(ngx_conf_t *cf,
    ngx_http_gateway_log_loc_conf_t *llcf, ngx_str_t *path)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_entry_t  *entry, *last;

    entry = llcf->entries->elts;
    last = &entry[llcf->entries->nelts - 1];

    for (i = 0; &entry[i] < last; i++) {
        if (entry[i].sink == last->sink && entry[i].format == last->format
            && ngx_http_gateway_same(&entry[i].condition, &last->condition))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"gateway_log %V\" with format "
                               "\"%V\" at the same level", path,
                               &last->format->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_log_entry(ngx_conf_t *cf,
    ngx_http_gateway_log_loc_conf_t *llcf,
    const ngx_http_gateway_log_args_t *args, ngx_str_t *path,
    ngx_str_t *format)
{
    ngx_http_gateway_log_entry_t      *entry;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);

    entry = ngx_array_push(llcf->entries);
    if (entry == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_http_gateway_log_entry_t));
    entry->slow = args->slow;

    if (ngx_array_init(&entry->codes, cf->pool, 2, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_share(cf, entry, args) != NGX_CONF_OK
        || ngx_http_gateway_log_filter(cf, entry, args) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    entry->format = ngx_http_gateway_log_format(cf, lmcf, format);
    if (entry->format == NULL) {
        return NGX_CONF_ERROR;
    }

    entry->format->used = 1;

    if (ngx_http_gateway_observe(cf, ngx_http_gateway_log_observes(entry))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    entry->sink = ngx_http_gateway_log_sink(cf, lmcf,
                                            ngx_http_gateway_log_kind(path),
                                            path, args->buffer, args->flush);

    if (entry->sink == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_duplicate(cf, llcf, path);
}


static char *
ngx_http_gateway_log_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_log_loc_conf_t *llcf = conf;

    ngx_uint_t                         off;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    static ngx_str_t  none = ngx_null_string;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (llcf->off || (off && llcf->entries)) {
        return ngx_http_gateway_param_off_conflicts(cf);
    }

    if (off) {
        llcf->off = 1;
        return NGX_CONF_OK;
    }

    if (lmcf->misfits == NULL) {
        lmcf->misfits = ngx_http_gateway_counter_add(cf,
                                            &ngx_http_gateway_log_misfits,
                                            &none);
        if (lmcf->misfits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (llcf->entries == NULL) {
        llcf->entries = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_gateway_log_entry_t));
        if (llcf->entries == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_WRITE,
                                 ngx_http_gateway_log_handler)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_parse(cf, llcf);
}


/* path [format] and parameters */

static char *
ngx_http_gateway_log_parse(ngx_conf_t *cf,
    ngx_http_gateway_log_loc_conf_t *llcf)
{
    ngx_str_t                    *value, *format;
    ngx_uint_t                    first;
    ngx_http_gateway_log_args_t   args;

    static ngx_str_t  native = ngx_string("native");

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("buffer="), ngx_http_gateway_log_size,
          offsetof(ngx_http_gateway_log_args_t, buffer), 0 },
        { ngx_string("flush="), ngx_http_gateway_param_msec,
          offsetof(ngx_http_gateway_log_args_t, flush), 0 },
        { ngx_string("if="), ngx_http_gateway_param_str,
          offsetof(ngx_http_gateway_log_args_t, filter), 0 },
        { ngx_string("sample="), ngx_http_gateway_log_sample,
          offsetof(ngx_http_gateway_log_args_t, sample), 0 },
        { ngx_string("keep="), ngx_http_gateway_param_str,
          offsetof(ngx_http_gateway_log_args_t, keep), 0 },
        { ngx_string("slow="), ngx_http_gateway_param_msec,
          offsetof(ngx_http_gateway_log_args_t, slow), 0 },
        ngx_http_gateway_null_param
    };

    value = cf->args->elts;
    format = &native;
    first = 2;

    if (cf->args->nelts > 2
        && ngx_strlchr(value[2].data, value[2].data + value[2].len, '=')
           == NULL)
    {
        format = &value[2];
        first = 3;
    }

    ngx_memzero(&args, sizeof(ngx_http_gateway_log_args_t));
    args.buffer = NGX_CONF_UNSET_SIZE;
    args.flush = NGX_CONF_UNSET_MSEC;
    args.slow = NGX_CONF_UNSET_MSEC;

    if (ngx_http_gateway_params(cf, params, &args, first) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_path(cf, &args, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_entry(cf, llcf, &args, &value[1], format);
}


static char *
ngx_http_gateway_log_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_log_sample_t *sample = field;

    sample->text = *value;

    return ngx_http_gateway_param_sample(cf, param, value, &sample->threshold);
}


/* a buffer that is too small for a record could drop it while nothing fails */

static char *
ngx_http_gateway_log_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size < NGX_HTTP_GATEWAY_LOG_RECORD || size > 64 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a size from 32k to 64m", value, &param->name);
        return NGX_CONF_ERROR;
    }

    *(size_t *) field = size;

    return NGX_CONF_OK;
}


/* what nothing uses, and files that have the name of a syslog server */

static ngx_int_t
ngx_http_gateway_log_advise(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_str_t                             name;
    ngx_uint_t                            i, k;
    ngx_http_gateway_log_sink_t         **sink;
    ngx_http_gateway_log_format_t       **format;
    ngx_http_gateway_log_syslog_conf_t  **syslog;

    format = lmcf->formats.elts;
    sink = lmcf->sinks.elts;
    syslog = lmcf->syslogs.elts;

    for (i = 0; i < lmcf->formats.nelts; i++) {
        if (!format[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"gateway_log_format %V\" is not used by any "
                          "\"gateway_log\" in %V:%ui", &format[i]->name,
                          ngx_http_gateway_place_args(&format[i]->place));
        }
    }

    for (i = 0; i < lmcf->syslogs.nelts; i++) {
        name = syslog[i]->block.name;

        if (ngx_http_gateway_log_file_kind.name(cf, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        for (k = 0; k < lmcf->sinks.nelts; k++) {
            if (ngx_http_gateway_same(&sink[k]->name, &name)) {
                ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                              "\"gateway_log %V\" writes to a file, did you "
                              "mean \"syslog:%V\" in %V:%ui",
                              &syslog[i]->block.name, &syslog[i]->block.name,
                              ngx_http_gateway_place_args(&sink[k]->place));
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i, k;
    ngx_http_gateway_source_t          *source;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_log_format_t     **format;
    ngx_http_gateway_log_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_log_advise(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    format = lmcf->formats.elts;
    source = gmcf->credentials.elts;

    for (i = 0; i < lmcf->formats.nelts; i++) {

        for (k = 0; k < gmcf->credentials.nelts; k++) {
            if (ngx_http_gateway_log_format_credential(cf, format[i],
                                                       &source[k])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_http_gateway_log_compile(cf, format[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (lmcf->sinks.nelts == 0) {
        return ngx_http_gateway_log_syslogs_check(cf, lmcf);
    }

    lmcf->record = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_LOG_RECORD
                                         + NGX_HTTP_GATEWAY_LOG_SLACK);
    lmcf->lines = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_LOG_RECORD);

    if (lmcf->record == NULL || lmcf->lines == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_IDS; i++) {
        lmcf->ids[i] = ngx_http_gateway_log_known(cf,
                                                  &ngx_http_gateway_log_ids[i]);

        if (lmcf->ids[i] == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_log_sinks_init(cf, lmcf) == NGX_OK
           ? ngx_http_gateway_log_syslogs_check(cf, lmcf) : NGX_ERROR;
}


static ngx_http_gateway_log_main_conf_t *
ngx_http_gateway_log_conf(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_log_module);

    return (lmcf && lmcf->sinks.nelts) ? lmcf : NULL;
}


/*
 * A process without a master keeps requests of the old configuration, but not
 * its files and shared memory.
 */

static ngx_int_t
ngx_http_gateway_log_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    if (ngx_process != NGX_PROCESS_SINGLE
        || ngx_is_init_cycle(cycle->old_cycle))
    {
        return NGX_OK;
    }

    lmcf = ngx_http_gateway_log_conf(cycle->old_cycle);

    if (lmcf != NULL) {
        ngx_http_gateway_log_sinks_stop(cycle->old_cycle, lmcf);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_log_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_gateway_log_conf(cycle);

    if (lmcf == NULL) {
        return;
    }

    ngx_http_gateway_log_sinks_stop(cycle, lmcf);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_gateway_log_sinks_report(cycle, lmcf);
    }
}


/*
 * All workers have exited: the counters are final, once those of killed workers
 * are settled, which a process does that begins to count.
 */

static void
ngx_http_gateway_log_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_gateway_log_conf(cycle);
    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (lmcf != NULL && ngx_process != NGX_PROCESS_SINGLE) {
        ngx_http_gateway_counters_start(gmcf);
        ngx_http_gateway_log_sinks_report(cycle, lmcf);
    }
}
