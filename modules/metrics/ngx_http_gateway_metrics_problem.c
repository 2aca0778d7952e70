/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is wrong now, and since when.
 *
 * Each condition is that of an alert of the same name in
 * conf.examples/prometheus.
 */

#include "ngx_http_gateway_metrics_history.h"
#include "ngx_http_gateway_metrics_scrape.h"
#include "ngx_http_gateway_metrics_area.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_METRICS_WINDOW   300       /* s */
#define NGX_HTTP_GATEWAY_METRICS_CERTIFICATE  (14 * 86400)  /* s */
#define NGX_HTTP_GATEWAY_METRICS_SHARE    0.05      /* of requests */
#define NGX_HTTP_GATEWAY_METRICS_SHARE_SLOW  0.01   /* of those with a
                                                       duration */
#define NGX_HTTP_GATEWAY_METRICS_CALM     1.0       /* requests/s, at least */

#define NGX_HTTP_GATEWAY_METRICS_CHECKS   32        /* samples of a step */
#define NGX_HTTP_GATEWAY_METRICS_ENTRIES  64        /* of an alert, at most */

#define NGX_HTTP_GATEWAY_METRICS_VALUES   296       /* bytes */
#define NGX_HTTP_GATEWAY_METRICS_TEXT     640       /* bytes of a sentence */


typedef enum {
    NGX_HTTP_GATEWAY_METRICS_ZERO = 0,      /* the value is 0 */
    NGX_HTTP_GATEWAY_METRICS_ABOVE,         /* it is above 0 */
    NGX_HTTP_GATEWAY_METRICS_GROWS,         /* it grew in the window */
    NGX_HTTP_GATEWAY_METRICS_LOST,          /* the same; of a result that is not
                                               "written" or "unconfirmed" */
    NGX_HTTP_GATEWAY_METRICS_ENDS,          /* a time within 14 days */
    NGX_HTTP_GATEWAY_METRICS_ERRORS,        /* of the history */
    NGX_HTTP_GATEWAY_METRICS_SLOW           /* likewise */
} ngx_http_gateway_metrics_condition_e;


/* "{label}" in a sentence is a value, "{for}" the time since it is so */

typedef struct {
    ngx_str_t                               alert;
    const char                             *family;
    ngx_http_gateway_metrics_condition_e    condition;
    const char                             *text;
} ngx_http_gateway_metrics_alert_t;


/* a subject of a condition, in shared memory */

typedef struct {
    uint64_t                            key;        /* 0: free */
    uint64_t                            version;    /* odd: is being changed */
    uint64_t                            alert;
    uint64_t                            since;      /* 0: nothing is wrong */
    uint64_t                            seen;       /* of the last check */
    uint64_t                            grown;      /* when a counter grew */
    double                              value;
    u_char                              values[NGX_HTTP_GATEWAY_METRICS_VALUES];
} ngx_http_gateway_metrics_entry_t;


static ngx_int_t ngx_http_gateway_metrics_check(
    ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert);
static void ngx_http_gateway_metrics_check_history(
    ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert);
static ngx_uint_t ngx_http_gateway_metrics_wrong(
    ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert, const ngx_str_t *values,
    ngx_uint_t n, double value);
static void ngx_http_gateway_metrics_note_value(
    ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert, const ngx_str_t *values,
    ngx_uint_t n, double value, ngx_uint_t wrong);
static ngx_http_gateway_metrics_entry_t *ngx_http_gateway_metrics_entry(
    uint64_t key, uint64_t alert, ngx_uint_t make);
static size_t ngx_http_gateway_metrics_pack(const ngx_str_t *values,
    ngx_uint_t n, u_char *text);
static void ngx_http_gateway_metrics_forget(
    ngx_http_gateway_metrics_tick_t *tick);
static u_char *ngx_http_gateway_metrics_sentence(u_char *p, u_char *last,
    const char *text, const ngx_http_gateway_metrics_problem_t *problem,
    double value);
static u_char *ngx_http_gateway_metrics_term(u_char *p, u_char *last,
    const ngx_str_t *name, const ngx_http_gateway_metrics_problem_t *problem,
    double value);


static const ngx_http_gateway_metrics_alert_t
    ngx_http_gateway_metrics_alerts[] =
{
    { ngx_string("GatewayErrors"), NULL, NGX_HTTP_GATEWAY_METRICS_ERRORS,
      "{percent} of all requests fail with 5xx." },

    { ngx_string("GatewaySlow"), NULL, NGX_HTTP_GATEWAY_METRICS_SLOW,
      "More than one request in 100 takes longer than 1 s." },

    { ngx_string("GatewayPeerDown"), "upstream_peer_up",
      NGX_HTTP_GATEWAY_METRICS_ZERO,
      "Upstream {upstream}: server {peer} is down." },

    { ngx_string("GatewayNoPeer"), "upstream_no_live_total",
      NGX_HTTP_GATEWAY_METRICS_GROWS,
      "Upstream {upstream}: in the last 5 minutes, requests found no live "
      "server." },

    { ngx_string("GatewayRedisNotAsked"), "redis_breaker_open",
      NGX_HTTP_GATEWAY_METRICS_ABOVE,
      "Redis {redis}: not asked for {for}, limits count here." },

    { ngx_string("GatewayLimitKeysForgotten"), "limit_evicted_keys_total",
      NGX_HTTP_GATEWAY_METRICS_GROWS,
      "Limit zone {zone}: in the last 5 minutes it was full and forgot keys in "
      "use." },

    { ngx_string("GatewayFileStale"), "file_failures_total",
      NGX_HTTP_GATEWAY_METRICS_GROWS,
      "File {file}: in the last 5 minutes it could not be loaded; until it can, "
      "its last content is in force." },

    { ngx_string("GatewayWorkerLost"), "worker_losses_total",
      NGX_HTTP_GATEWAY_METRICS_GROWS,
      "A worker process was killed or has crashed." },

    { ngx_string("GatewayZoneFull"), "zone_free_bytes",
      NGX_HTTP_GATEWAY_METRICS_ZERO,
      "Zone {zone}: it is full." },

    { ngx_string("GatewaySeriesFolded"), "metrics_overflow_total",
      NGX_HTTP_GATEWAY_METRICS_GROWS,
      "The zone of the metrics: in the last 5 minutes it was full, new series "
      "of {family} were counted as __other__." },

    { ngx_string("GatewayLogRecordsLost"), "log_records_total",
      NGX_HTTP_GATEWAY_METRICS_LOST,
      "Log {sink}: in the last 5 minutes, records were lost ({result})." },

    { ngx_string("GatewayCertificateEnds"),
      "certificate_not_after_timestamp_seconds", NGX_HTTP_GATEWAY_METRICS_ENDS,
      "Server {server}: its certificate ends in less than 14 days." }
};

#define NGX_HTTP_GATEWAY_METRICS_ALERTS                                       \
    (sizeof(ngx_http_gateway_metrics_alerts)                                  \
     / sizeof(ngx_http_gateway_metrics_alerts[0]))


/* of this worker */

static struct {
    ngx_http_gateway_metrics_entry_t   *entries;    /* NULL: none */
    ngx_uint_t                          alert;
    ngx_http_gateway_family_view_t     *family;     /* NULL: not begun */
} ngx_http_gateway_metrics_found;


static const ngx_str_t  ngx_http_gateway_metrics_problems_name =
    ngx_string("problems");

#define NGX_HTTP_GATEWAY_METRICS_PROBLEMS_SIZE                                \
    (NGX_HTTP_GATEWAY_METRICS_PROBLEMS                                        \
     * sizeof(ngx_http_gateway_metrics_entry_t))


ngx_int_t
ngx_http_gateway_metrics_problems_init(ngx_conf_t *cf)
{
    return ngx_http_gateway_metrics_part_add(cf,
               NGX_HTTP_GATEWAY_METRICS_PROBLEMS_SIZE);
}


void
ngx_http_gateway_metrics_problems_start(ngx_cycle_t *cycle)
{
    ngx_http_gateway_metrics_found.entries = cycle == NULL ? NULL
        : ngx_http_gateway_metrics_part(&ngx_http_gateway_metrics_problems_name,
              NGX_HTTP_GATEWAY_METRICS_PROBLEMS_SIZE);
}


void
ngx_http_gateway_metrics_problems_reset(void)
{
    ngx_http_gateway_metrics_found.alert = 0;
    ngx_http_gateway_metrics_found.family = NULL;
}


ngx_int_t
ngx_http_gateway_metrics_problems_step(ngx_http_gateway_metrics_tick_t *tick)
{
    ngx_int_t                                rc;
    const ngx_http_gateway_metrics_alert_t  *alert;

    if (ngx_http_gateway_metrics_found.entries == NULL) {
        return NGX_OK;
    }

    if (ngx_http_gateway_metrics_found.alert
        == NGX_HTTP_GATEWAY_METRICS_ALERTS)
    {
        ngx_http_gateway_metrics_forget(tick);
        return NGX_OK;
    }

    alert = &ngx_http_gateway_metrics_alerts[
                ngx_http_gateway_metrics_found.alert];

    if (alert->family == NULL) {
        ngx_http_gateway_metrics_check_history(tick, alert);
        rc = NGX_DONE;

    } else {
        rc = ngx_http_gateway_metrics_check(tick, alert);
    }

    if (rc == NGX_DONE) {
        ngx_http_gateway_metrics_found.alert++;
        ngx_http_gateway_metrics_found.family = NULL;
        rc = NGX_AGAIN;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_metrics_check(ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_gateway_family_view_t  *family;

    family = ngx_http_gateway_metrics_found.family;

    if (family == NULL) {
        family = ngx_http_gateway_metrics_family(alert->family);

        if (family == NULL) {
            return NGX_DONE;
        }

        if (ngx_http_gateway_scan_family(tick->scan, family) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_gateway_metrics_found.family = family;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_CHECKS; i++) {

        rc = ngx_http_gateway_scan_next(tick->scan);
        if (rc != NGX_OK) {
            return rc;
        }

        ngx_http_gateway_metrics_note_value(
            tick, alert, tick->scan->values, family->nlabels,
            tick->scan->value,
            ngx_http_gateway_metrics_wrong(tick, alert, tick->scan->values,
                                           family->nlabels,
                                           tick->scan->value));
    }

    return NGX_AGAIN;
}


static void
ngx_http_gateway_metrics_check_history(ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert)
{
    double      rate, value, share;
    ngx_uint_t  slow;

    slow = alert->condition == NGX_HTTP_GATEWAY_METRICS_SLOW;
    share = slow ? NGX_HTTP_GATEWAY_METRICS_SHARE_SLOW
                 : NGX_HTTP_GATEWAY_METRICS_SHARE;

    rate = ngx_http_gateway_metrics_history_mean(slow, GW_HISTORY_RATE);
    value = ngx_http_gateway_metrics_history_mean(slow, GW_HISTORY_ERRORS);
    value = rate > 0 ? value / rate : 0;

    /* rates are kept as floats, with 24 bits */

    ngx_http_gateway_metrics_note_value(
        tick, alert, NULL, 0, value,
        value > share * 1.000001 && rate >= NGX_HTTP_GATEWAY_METRICS_CALM);
}


/* what the value alone tells; growth is known from the entry */

static ngx_uint_t
ngx_http_gateway_metrics_wrong(ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert, const ngx_str_t *values,
    ngx_uint_t n, double value)
{
    static const ngx_str_t  written = ngx_string("written");
    static const ngx_str_t  unconfirmed = ngx_string("unconfirmed");

    switch (alert->condition) {

    case NGX_HTTP_GATEWAY_METRICS_ZERO:
        return value == 0;

    case NGX_HTTP_GATEWAY_METRICS_LOST:
        return value > 0
               && !ngx_http_gateway_same(&values[n - 1], &written)
               && !ngx_http_gateway_same(&values[n - 1], &unconfirmed);

    case NGX_HTTP_GATEWAY_METRICS_ENDS:
        return value > 0
               && value - (double) tick->now
                  < NGX_HTTP_GATEWAY_METRICS_CERTIFICATE;

    default:
        return value > 0;
    }
}


/*
 * A counter gets an entry when it is first above 0: it has grown then.  An
 * entry is written again if its process was killed.
 */

static void
ngx_http_gateway_metrics_note_value(ngx_http_gateway_metrics_tick_t *tick,
    const ngx_http_gateway_metrics_alert_t *alert, const ngx_str_t *values,
    ngx_uint_t n, double value, ngx_uint_t wrong)
{
    static const uint64_t  secret[2] = { 0, 0 };

    size_t                             len;
    u_char                             text[NGX_HTTP_GATEWAY_METRICS_VALUES
                                            + 1];
    uint64_t                           hash[2], version, now;
    ngx_uint_t                         grows;
    ngx_http_gateway_metrics_entry_t  *entry;

    text[0] = (u_char) (alert - ngx_http_gateway_metrics_alerts);
    len = ngx_http_gateway_metrics_pack(values, n, text + 1);

    gw_siphash(secret, text, len + 1, hash);
    hash[0] |= 1;

    entry = ngx_http_gateway_metrics_entry(hash[0], text[0], wrong);
    if (entry == NULL) {
        return;
    }

    grows = alert->condition == NGX_HTTP_GATEWAY_METRICS_GROWS
            || alert->condition == NGX_HTTP_GATEWAY_METRICS_LOST;

    version = entry->version | 1;
    __atomic_store_n(&entry->version, version, __ATOMIC_SEQ_CST);

    if (entry->key != hash[0]) {
        ngx_memzero(&entry->alert, sizeof(ngx_http_gateway_metrics_entry_t)
                    - offsetof(ngx_http_gateway_metrics_entry_t, alert));
        entry->alert = text[0];
        ngx_memcpy(entry->values, text + 1, len);
        __atomic_store_n(&entry->key, hash[0], __ATOMIC_SEQ_CST);
    }

    /* a time that is in the future was written before the clock was set back */

    now = (uint64_t) tick->now;

    if (grows) {
        if (value != entry->value || (entry->grown > now && entry->since)) {
            entry->grown = now;
        }

        wrong = wrong && entry->grown <= now
                && now - entry->grown < NGX_HTTP_GATEWAY_METRICS_WINDOW;
    }

    entry->since = !wrong ? 0
                   : (entry->since && entry->since < now) ? entry->since : now;
    entry->value = value;
    entry->seen = now;

    __atomic_store_n(&entry->version, version + 1, __ATOMIC_SEQ_CST);
}


/* the entry of a key, or a free one; NULL: there is none for this alert */

static ngx_http_gateway_metrics_entry_t *
ngx_http_gateway_metrics_entry(uint64_t key, uint64_t alert, ngx_uint_t make)
{
    ngx_uint_t                         i, n;
    ngx_http_gateway_metrics_entry_t  *entry, *unused;

    n = 0;
    unused = NULL;
    entry = ngx_http_gateway_metrics_found.entries;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_PROBLEMS; i++) {

        if (entry[i].key == key) {
            return &entry[i];
        }

        if (entry[i].key) {
            n += entry[i].alert == alert;

        } else if (unused == NULL) {
            unused = &entry[i];
        }
    }

    return (make && n < NGX_HTTP_GATEWAY_METRICS_ENTRIES) ? unused : NULL;
}


static size_t
ngx_http_gateway_metrics_pack(const ngx_str_t *values, ngx_uint_t n,
    u_char *text)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    p = text;

    for (i = 0; i < n; i++) {
        len = ngx_min(values[i].len,
                      (size_t) NGX_HTTP_GATEWAY_METRICS_VALUES / n - 1);
        *p++ = (u_char) len;
        p = ngx_cpymem(p, values[i].data, len);
    }

    return p - text;
}


/*
 * What was not seen in this tick is gone, and so is what is no longer wrong.  A
 * counter that is above 0 keeps its entry, to see it grow, and for some time
 * when its series has ended.
 */

static void
ngx_http_gateway_metrics_forget(ngx_http_gateway_metrics_tick_t *tick)
{
    uint64_t                           now;
    ngx_uint_t                         i, grows, gone;
    ngx_http_gateway_metrics_entry_t  *entry;

    now = (uint64_t) tick->now;

    entry = ngx_http_gateway_metrics_found.entries;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_PROBLEMS; i++) {

        if (entry[i].key == 0) {
            continue;
        }

        grows = entry[i].alert < NGX_HTTP_GATEWAY_METRICS_ALERTS
                && (ngx_http_gateway_metrics_alerts[entry[i].alert].condition
                    == NGX_HTTP_GATEWAY_METRICS_GROWS
                    || ngx_http_gateway_metrics_alerts[entry[i].alert].condition
                       == NGX_HTTP_GATEWAY_METRICS_LOST);

        gone = entry[i].seen != now;

        if (gone ? (!grows || now - entry[i].seen
                              >= NGX_HTTP_GATEWAY_METRICS_WINDOW)
                 : (entry[i].since == 0 && !grows))
        {
            __atomic_store_n(&entry[i].key, 0, __ATOMIC_SEQ_CST);

        } else if (gone) {
            __atomic_store_n(&entry[i].since, 0, __ATOMIC_SEQ_CST);
        }
    }
}


ngx_int_t
ngx_http_gateway_metrics_problem(ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_metrics_problem_t *problem)
{
    u_char                                  *p, *last;
    uint64_t                                 version;
    ngx_uint_t                               n;
    ngx_http_gateway_family_view_t          *family;
    ngx_http_gateway_metrics_entry_t        *entry, *shared;
    const ngx_http_gateway_metrics_alert_t  *alert;

    if (ngx_http_gateway_metrics_found.entries == NULL
        || i >= NGX_HTTP_GATEWAY_METRICS_PROBLEMS)
    {
        return NGX_DONE;
    }

    shared = &ngx_http_gateway_metrics_found.entries[i];

    if (shared->key == 0 || shared->since == 0) {
        return NGX_DECLINED;
    }

    entry = ngx_palloc(pool, sizeof(ngx_http_gateway_metrics_entry_t)
                             + NGX_HTTP_GATEWAY_METRICS_TEXT);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    version = __atomic_load_n(&shared->version, __ATOMIC_SEQ_CST);
    *entry = *shared;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (entry->key == 0 || entry->since == 0 || (version & 1)
        || __atomic_load_n(&shared->version, __ATOMIC_SEQ_CST) != version
        || entry->alert >= NGX_HTTP_GATEWAY_METRICS_ALERTS)
    {
        return NGX_DECLINED;
    }

    alert = &ngx_http_gateway_metrics_alerts[entry->alert];
    family = alert->family ? ngx_http_gateway_metrics_family(alert->family)
                           : NULL;

    problem->alert = alert->alert;
    problem->since = ngx_min((time_t) entry->since, ngx_time());

    p = entry->values;
    last = p + NGX_HTTP_GATEWAY_METRICS_VALUES;

    for (n = 0; family && n < family->nlabels; n++) {

        if (last - p <= *p) {
            return NGX_DECLINED;
        }

        problem->labels[n] = family->labels[n];
        problem->values[n].len = *p++;
        problem->values[n].data = p;
        p += problem->values[n].len;
    }

    problem->nlabels = n;

    problem->text.data = (u_char *) (entry + 1);
    p = ngx_http_gateway_metrics_sentence(problem->text.data,
            problem->text.data + NGX_HTTP_GATEWAY_METRICS_TEXT, alert->text,
            problem, entry->value);
    problem->text.len = p - problem->text.data;

    return NGX_OK;
}


static u_char *
ngx_http_gateway_metrics_sentence(u_char *p, u_char *last, const char *text,
    const ngx_http_gateway_metrics_problem_t *problem, double value)
{
    ngx_str_t    name;
    const char  *end;

    while (*text && p < last) {

        if (*text != '{') {
            *p++ = (u_char) *text++;
            continue;
        }

        end = strchr(++text, '}');
        name.data = (u_char *) text;
        name.len = end - text;
        p = ngx_http_gateway_metrics_term(p, last, &name, problem, value);
        text = end + 1;
    }

    return p;
}


static u_char *
ngx_http_gateway_metrics_term(u_char *p, u_char *last, const ngx_str_t *name,
    const ngx_http_gateway_metrics_problem_t *problem, double value)
{
    static const ngx_str_t  since = ngx_string("for");
    static const ngx_str_t  percent = ngx_string("percent");

    time_t      s;
    ngx_uint_t  i;

    for (i = 0; i < problem->nlabels; i++) {
        if (ngx_http_gateway_same(name, &problem->labels[i])) {
            return ngx_slprintf(p, last, "%V", &problem->values[i]);
        }
    }

    if (ngx_http_gateway_same(name, &since)) {
        s = ngx_max(ngx_time() - problem->since, 0);

        return s < 120 ? ngx_slprintf(p, last, "%T s", s)
               : s < 7200 ? ngx_slprintf(p, last, "%T min", s / 60)
               : ngx_slprintf(p, last, "%T h", s / 3600);
    }

    return ngx_http_gateway_same(name, &percent)
           ? ngx_slprintf(p, last, "%.1f %%", value * 100) : p;
}
