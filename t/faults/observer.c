/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_observer name ...: the module that t/faults/observe.t adds to a copy
 * of the project.  It logs what core keeps of each request.  It counts requests
 * by a counter of each name, which is a word if the name begins with "w".  The
 * record of a request with the argument "hold" is never written.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counter.h"
#include "ngx_http_gateway_observe.h"


typedef struct {
    ngx_array_t                      *requests;     /* counter_t * */
    ngx_http_gateway_counter_t       *made;
    ngx_http_gateway_counter_t       *written;
    ngx_http_gateway_counter_t       *lost;
} ngx_http_gateway_observer_conf_t;


static char *ngx_http_gateway_observer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_gateway_observer_log(ngx_http_request_t *r);
static void ngx_http_gateway_observer_reclaim(void *data, ngx_uint_t at);
static void *ngx_http_gateway_observer_create(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_observer_start(ngx_cycle_t *cycle);
static void ngx_http_gateway_observer_exit(ngx_cycle_t *cycle);


static const ngx_http_gateway_family_t  ngx_http_gateway_observer_requests = {
    "requests_total", "Requests.", "counter", NGX_HTTP_GATEWAY_STRIPED
};

static const ngx_http_gateway_family_t  ngx_http_gateway_observer_records = {
    "records_total", "Records.", "counter", NGX_HTTP_GATEWAY_OWN
};

static const ngx_http_gateway_family_t  ngx_http_gateway_observer_words = {
    "word", "A word.", "gauge", NGX_HTTP_GATEWAY_WORD
};


static ngx_command_t  ngx_http_gateway_observer_commands[] = {

    { ngx_string("gateway_observer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_observer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_observer_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_observer_create,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_observer_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_observer_module_ctx, /* module context */
    ngx_http_gateway_observer_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_observer_start,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_observer_exit,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_gateway_observer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_observer_conf_t *omcf = conf;

    static ngx_str_t  made = ngx_string("result=\"made\"");
    static ngx_str_t  written = ngx_string("result=\"written\"");
    static ngx_str_t  lost = ngx_string("result=\"lost\"");

    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_http_gateway_counter_t      **requests;
    const ngx_http_gateway_family_t  *family;

    value = cf->args->elts;

    omcf->requests = ngx_array_create(cf->pool, 4, sizeof(void *));

    for (i = 1; i < cf->args->nelts; i++) {
        requests = ngx_array_push(omcf->requests);

        family = (value[i].data[0] == 'w')
                 ? &ngx_http_gateway_observer_words
                 : &ngx_http_gateway_observer_requests;

        *requests = ngx_http_gateway_counter_add(cf, family, &value[i]);

        if (*requests == NULL
            || *requests != ngx_http_gateway_counter_add(cf, family,
                                                         &value[i]))
        {
            return NGX_CONF_ERROR;
        }
    }

    omcf->made = ngx_http_gateway_counter_add(cf,
                                   &ngx_http_gateway_observer_records, &made);
    omcf->written = ngx_http_gateway_counter_add(cf,
                                 &ngx_http_gateway_observer_records, &written);
    omcf->lost = ngx_http_gateway_counter_add(cf,
                                    &ngx_http_gateway_observer_records, &lost);

    if (omcf->made == NULL || omcf->written == NULL || omcf->lost == NULL
        || ngx_http_gateway_reclaim_add(cf, ngx_http_gateway_observer_reclaim,
                                       omcf)
           != NGX_OK
        || ngx_http_gateway_observe(cf, NGX_HTTP_GATEWAY_OBSERVE_ROUTE
                                        |NGX_HTTP_GATEWAY_OBSERVE_TIME
                                        |NGX_HTTP_GATEWAY_OBSERVE_END
                                        |NGX_HTTP_GATEWAY_OBSERVE_RESULTS)
           != NGX_OK
        || ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_WRITE,
                                    ngx_http_gateway_observer_log)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_observer_log(ngx_http_request_t *r)
{
    u_char                            *p, line[1024];
    uint64_t                           duration;
    ngx_uint_t                         i;
    ngx_http_gateway_result_t         *result;
    ngx_http_gateway_request_t        *gr;
    ngx_http_gateway_counter_t       **requests;
    ngx_http_gateway_observer_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_observer_module);
    gr = ngx_http_gateway_request(r);

    requests = omcf->requests->elts;

    for (i = 0; i < omcf->requests->nelts; i++) {
        if (requests[i]->family == &ngx_http_gateway_observer_words) {
            (void) __atomic_add_fetch(
                       ngx_http_gateway_counter_word(requests[i]), 1,
                       __ATOMIC_SEQ_CST);
        } else {
            ngx_http_gateway_count(requests[i], 1);
        }
    }

    ngx_http_gateway_count(omcf->made, 1);

    if (r->args.len != 4 || ngx_strncmp(r->args.data, "hold", 4) != 0) {
        ngx_http_gateway_count(omcf->written, 1);
    }

    duration = ngx_http_gateway_duration(r, gr);

    p = ngx_slprintf(line, line + 1024, "%V|%V|%V|%ui|%uL|%d|",
                     &r->unparsed_uri, ngx_http_gateway_route(r, gr),
                     &ngx_http_gateway_end_words[ngx_http_gateway_end(r, gr)],
                     ngx_http_gateway_incomplete(r, gr), duration / 1000,
                     ngx_http_gateway_duration(r, gr)
                     - (gr ? duration : ngx_http_gateway_duration(r, gr)));

    result = (gr && gr->results) ? gr->results->elts : NULL;

    for (i = 0; result && i < gr->results->nelts; i++) {
        p = ngx_slprintf(p, line + 1024, " %V:%V", &result[i].zone,
                         &result[i].word);
        p = result[i].unknown ? ngx_slprintf(p, line + 1024, ":-")
                              : ngx_slprintf(p, line + 1024, ":%uL",
                                             result[i].remaining);
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0, "observed %*s|",
                  (size_t) (p - line), line);
}


static void
ngx_http_gateway_observer_reclaim(void *data, ngx_uint_t at)
{
    ngx_http_gateway_observer_conf_t *omcf = data;

    uint64_t  *lost;

    lost = ngx_http_gateway_counter_own(omcf->lost, at);

    *lost += *ngx_http_gateway_counter_own(omcf->made, at)
             - *ngx_http_gateway_counter_own(omcf->written, at) - *lost;
}


static void *
ngx_http_gateway_observer_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_observer_conf_t));
}


static ngx_int_t
ngx_http_gateway_observer_start(ngx_cycle_t *cycle)
{
    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "observer started");
    return NGX_OK;
}


static void
ngx_http_gateway_observer_exit(ngx_cycle_t *cycle)
{
    ngx_uint_t                         i;
    ngx_http_gateway_counter_t       **requests;
    ngx_http_gateway_observer_conf_t  *omcf;

    omcf = ngx_http_cycle_get_module_main_conf(cycle,
                                             ngx_http_gateway_observer_module);
    if (omcf == NULL || omcf->requests == NULL) {
        return;
    }

    ngx_http_gateway_counters_reclaim();

    requests = omcf->requests->elts;

    for (i = 0; i < omcf->requests->nelts; i++) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "%P counted %s{%V}: %uL",
                      ngx_pid, requests[i]->family->name, &requests[i]->labels,
                      ngx_http_gateway_counter_sum(requests[i]));
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "%P counted made %uL, written %uL, lost %uL", ngx_pid,
                  ngx_http_gateway_counter_sum(omcf->made),
                  ngx_http_gateway_counter_sum(omcf->written),
                  ngx_http_gateway_counter_sum(omcf->lost));
}
