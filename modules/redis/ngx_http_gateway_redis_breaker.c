/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The breaker: whether calls to Redis are made at all.
 *
 * All workers share one counter, which each failure increases, and each good
 * reply decreases by a fraction of a failure.  When it reaches "failures", the
 * breaker opens: from then on no call is made and no request waits for Redis.
 * After each "retry", one worker claims the probe, connects if necessary, and
 * sends PING.  A reply closes the breaker for all workers; otherwise it stays
 * open for another "retry".
 *
 * Redis may answer PING but fail scripts, for example without free memory: the
 * breaker then opens again and again.  Only the first opening is logged, and
 * the first good reply after the breaker has stayed closed for "retry".
 *
 * The other workers check the shared state by a timer, and connect at random
 * times after the breaker has closed: a server that returns gets one connection
 * first, and not all at once.
 *
 * Times are ngx_current_msec, which each worker caches: the time of another
 * worker may be slightly ahead.  A time that is too far ahead is corrected.
 */

#include "ngx_http_gateway_redis_private.h"


#define NGX_HTTP_GATEWAY_REDIS_ZONE        8       /* pages */
#define NGX_HTTP_GATEWAY_REDIS_LOOK_MIN    10      /* ms */
#define NGX_HTTP_GATEWAY_REDIS_LOOK_MAX    200

/* good replies that cancel one failure: up to one in five may fail */
#define NGX_HTTP_GATEWAY_REDIS_WEIGHT      4


static ngx_int_t ngx_http_gateway_redis_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_uint_t ngx_http_gateway_redis_count(
    ngx_http_gateway_redis_t *redis);
static ngx_uint_t ngx_http_gateway_redis_opened(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_say_e say, const ngx_str_t *reason);
static ngx_uint_t ngx_http_gateway_redis_probe_due(
    ngx_http_gateway_redis_t *redis);
static ngx_uint_t ngx_http_gateway_redis_claim(
    ngx_http_gateway_redis_t *redis);
static ngx_http_gateway_redis_connection_t *ngx_http_gateway_redis_pick_probe(
    ngx_http_gateway_redis_node_t *node);
static void ngx_http_gateway_redis_probe(ngx_http_gateway_redis_t *redis);
static void ngx_http_gateway_redis_probed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_redis_resume(ngx_http_gateway_redis_t *redis);
static ngx_atomic_uint_t ngx_http_gateway_redis_time(ngx_msec_t after);


ngx_int_t
ngx_http_gateway_redis_zone_add(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    name.len = sizeof("gateway_redis:") - 1 + redis->block.name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(name.data, "gateway_redis:",
                          sizeof("gateway_redis:") - 1),
               redis->block.name.data, redis->block.name.len);

    shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_GATEWAY_REDIS_ZONE
                                                * ngx_pagesize,
                                     &ngx_http_gateway_redis_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_gateway_redis_init_zone;
    shm_zone->data = redis;

    return NGX_OK;
}


/* a reload keeps the state of the breaker */

static ngx_int_t
ngx_http_gateway_redis_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t           *shpool;
    ngx_http_gateway_redis_t  *redis, *old;

    redis = shm_zone->data;
    old = data;

    if (old) {
        redis->sh = old->sh;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        redis->sh = shpool->data;
        return NGX_OK;
    }

    redis->sh = ngx_slab_calloc(shpool, sizeof(ngx_http_gateway_redis_shm_t));
    if (redis->sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = redis->sh;

    return NGX_OK;
}


void
ngx_http_gateway_redis_success(ngx_http_gateway_redis_t *redis)
{
    ngx_atomic_uint_t              failures;
    ngx_http_gateway_redis_shm_t  *sh;

    sh = redis->sh;

    /* usually 0, so that workers do not write to a shared cache line */

    do {
        failures = sh->failures;

    } while (failures != 0
             && !ngx_atomic_cmp_set(&sh->failures, failures, failures - 1));

    /* not logged as long as the breaker may soon open again */

    if (sh->logged_open && sh->until == 0
        && (ngx_msec_int_t) (ngx_current_msec - (ngx_msec_t) sh->closed)
           >= (ngx_msec_int_t) redis->conf.retry
        && ngx_atomic_cmp_set(&sh->logged_open, 1, 0))
    {
        /* at the level of the failure, so that logs have both or neither */

        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "gateway_redis \"%V\": \"%V\" answers again",
                      &redis->block.name, &redis->node.server.text);
    }
}


ngx_uint_t
ngx_http_gateway_redis_failure(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_say_e say, ngx_uint_t counts,
    const ngx_str_t *reason, const char *next)
{
    if (counts && ngx_http_gateway_redis_count(redis)) {
        return ngx_http_gateway_redis_opened(redis, say, reason);
    }

    if (!ngx_http_gateway_may_say(&redis->sh->said[say], NGX_HTTP_GATEWAY_SAY))
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, redis->log, 0, "gateway_redis \"%V\": %V, %s",
                  &redis->block.name, reason, next);
    return 1;
}


/* counts a failure; returns whether it opens the breaker */

static ngx_uint_t
ngx_http_gateway_redis_count(ngx_http_gateway_redis_t *redis)
{
    ngx_atomic_uint_t              failures;
    ngx_http_gateway_redis_shm_t  *sh;

    sh = redis->sh;

    failures = ngx_atomic_fetch_add(&sh->failures,
                                    NGX_HTTP_GATEWAY_REDIS_WEIGHT)
               + NGX_HTTP_GATEWAY_REDIS_WEIGHT;

    return failures >= (ngx_atomic_uint_t) redis->conf.failures
                       * NGX_HTTP_GATEWAY_REDIS_WEIGHT
           && sh->until == 0
           && ngx_atomic_cmp_set(&sh->until, 0,
                               ngx_http_gateway_redis_time(redis->conf.retry));
}


/*
 * Logs that the breaker has opened, unless both the reason and the opening are
 * in the log already or were logged within a minute.
 */

static ngx_uint_t
ngx_http_gateway_redis_opened(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_say_e say, const ngx_str_t *reason)
{
    ngx_uint_t     news;
    ngx_atomic_t  *said;

    said = redis->sh->said;

    news = !redis->sh->logged_open
           && ngx_http_gateway_may_say(&said[NGX_HTTP_GATEWAY_REDIS_SAY_OPENED],
                                       NGX_HTTP_GATEWAY_SAY);

    if (ngx_http_gateway_may_say(&said[say], news ? 0 : NGX_HTTP_GATEWAY_SAY))
    {
        news = 1;
    }

    if (news) {
        redis->sh->logged_open = 1;

        ngx_log_error(NGX_LOG_ERR, redis->log, 0, "gateway_redis \"%V\": %V, "
                      "failures=%i reached, breaker open, retry in %Mms",
                      &redis->block.name, reason, redis->conf.failures,
                      redis->conf.retry);
    }

    ngx_http_gateway_redis_upkeep(redis);

    return news;
}


void
ngx_http_gateway_redis_upkeep(ngx_http_gateway_redis_t *redis)
{
    ngx_msec_t  look;

    if (redis->upkeep.timer_set || ngx_exiting) {
        return;
    }

    look = redis->conf.retry / 10;
    look = ngx_max(look, NGX_HTTP_GATEWAY_REDIS_LOOK_MIN);
    look = ngx_min(look, NGX_HTTP_GATEWAY_REDIS_LOOK_MAX);

    ngx_add_timer(&redis->upkeep, look + ngx_random() % look);
}


void
ngx_http_gateway_redis_upkeep_handler(ngx_event_t *ev)
{
    ngx_http_gateway_redis_t *redis = ev->data;

    if (ngx_exiting) {
        return;
    }

    if (!ngx_http_gateway_redis_open(redis)) {
        ngx_http_gateway_redis_resume(redis);
        return;
    }

    if (ngx_http_gateway_redis_probe_due(redis)
        && ngx_http_gateway_redis_claim(redis))
    {
        ngx_http_gateway_redis_probe(redis);
    }

    ngx_http_gateway_redis_upkeep(redis);
}


static ngx_uint_t
ngx_http_gateway_redis_probe_due(ngx_http_gateway_redis_t *redis)
{
    ngx_msec_int_t                 rest;
    ngx_atomic_uint_t              until;
    ngx_http_gateway_redis_shm_t  *sh;

    sh = redis->sh;
    until = sh->until;

    rest = (ngx_msec_int_t) ((ngx_msec_t) until - ngx_current_msec);

    /* too far ahead: set by a larger "retry" before a reload */

    if (rest > (ngx_msec_int_t) redis->conf.retry
               + NGX_HTTP_GATEWAY_REDIS_TURN)
    {
        (void) ngx_atomic_cmp_set(&sh->until, until,
                               ngx_http_gateway_redis_time(redis->conf.retry));
        return 0;
    }

    return until != 0 && rest <= 0;
}


/* claims the probe for this worker; a claim of a killed worker expires */

static ngx_uint_t
ngx_http_gateway_redis_claim(ngx_http_gateway_redis_t *redis)
{
    ngx_msec_t                     length;
    ngx_msec_int_t                 rest;
    ngx_atomic_uint_t              probe;
    ngx_http_gateway_redis_shm_t  *sh;

    sh = redis->sh;
    length = 2 * redis->conf.connect_timeout + 2 * redis->conf.timeout + 100;

    probe = sh->probe;
    rest = (ngx_msec_int_t) ((ngx_msec_t) probe - ngx_current_msec);

    if (probe != 0 && rest > 0
        && rest <= (ngx_msec_int_t) length + NGX_HTTP_GATEWAY_REDIS_TURN)
    {
        return 0;
    }

    return ngx_atomic_cmp_set(&sh->probe, probe,
                              ngx_http_gateway_redis_time(length));
}


/*
 * Prefers a new connection: one that was not used may be dead without nginx
 * having noticed it.
 */

static ngx_http_gateway_redis_connection_t *
ngx_http_gateway_redis_pick_probe(ngx_http_gateway_redis_node_t *node)
{
    ngx_int_t                             i;
    ngx_http_gateway_redis_connection_t  *conn;

    for (i = 0; i < node->redis->conf.connections; i++) {
        conn = &node->connections[i];

        if (conn->state == NGX_HTTP_GATEWAY_REDIS_DISCONNECTED
            && (!conn->denied || ngx_http_gateway_redis_due(conn->retry)))
        {
            return conn;
        }
    }

    conn = ngx_http_gateway_redis_pick(node);

    if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED && conn->queued == 0) {
        ngx_http_gateway_redis_close(conn);
    }

    return conn;
}


static void
ngx_http_gateway_redis_probe(ngx_http_gateway_redis_t *redis)
{
    ngx_http_gateway_redis_connection_t  *conn;

    conn = ngx_http_gateway_redis_pick_probe(ngx_http_gateway_redis_node(redis,
                                                                     NULL));
    switch (conn->state) {

    case NGX_HTTP_GATEWAY_REDIS_CONNECTED:
        ngx_http_gateway_redis_probe_ask(conn);
        return;

    case NGX_HTTP_GATEWAY_REDIS_CONNECTING:
        conn->probe = 1;
        return;

    default: /* NGX_HTTP_GATEWAY_REDIS_DISCONNECTED */

        if (conn->denied && !ngx_http_gateway_redis_due(conn->retry)) {

            /* a wrong password is not retried earlier for a probe */

            redis->sh->probe = 0;
            return;
        }

        conn->probe = 1;
        ngx_http_gateway_redis_connect(conn);
    }
}


void
ngx_http_gateway_redis_probe_ask(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_call_t  *call;

    static const ngx_str_t  ping = ngx_string("PING");

    redis = conn->redis;
    conn->probe = 0;

    call = ngx_http_gateway_redis_command(redis,
                                          ngx_http_gateway_redis_call_reply,
                                          &ping, 1, NULL, 0);
    if (call == NULL) {
        ngx_http_gateway_redis_probe_failed(redis);
        return;
    }

    call->handler = ngx_http_gateway_redis_probed;
    call->data = redis;

    if (ngx_http_gateway_redis_append(conn, call) != NGX_OK) {
        ngx_http_gateway_redis_free(call);
        ngx_http_gateway_redis_probe_failed(redis);
        return;
    }

    ngx_http_gateway_redis_activate(conn, call);
}


static void
ngx_http_gateway_redis_probed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_redis_t *redis = data;

    ngx_http_gateway_redis_shm_t  *sh;

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_redis_probe_failed(redis);
        return;
    }

    sh = redis->sh;

    sh->closed = ngx_http_gateway_redis_time(0);
    sh->failures = 0;
    sh->probe = 0;
    sh->until = 0;

    ngx_http_gateway_redis_resume(redis);
}


void
ngx_http_gateway_redis_probe_failed(ngx_http_gateway_redis_t *redis)
{
    ngx_atomic_uint_t              until;
    ngx_http_gateway_redis_shm_t  *sh;

    sh = redis->sh;
    until = sh->until;

    /* 0: another worker has closed it after our claim expired */

    if (until != 0) {
        (void) ngx_atomic_cmp_set(&sh->until, until,
                               ngx_http_gateway_redis_time(redis->conf.retry));
    }

    sh->probe = 0;

    if (ngx_http_gateway_may_say(&sh->said[NGX_HTTP_GATEWAY_REDIS_SAY_PROBE],
                                 NGX_HTTP_GATEWAY_SAY))
    {
        sh->logged_open = 1;

        ngx_log_error(NGX_LOG_ERR, redis->log, 0, "gateway_redis \"%V\": "
                      "\"%V\" still unreachable, retrying every %Mms",
                      &redis->block.name, &redis->node.server.text,
                      redis->conf.retry);
    }
}


/* the breaker has closed: connects again, with a new count of attempts */

static void
ngx_http_gateway_redis_resume(ngx_http_gateway_redis_t *redis)
{
    ngx_int_t                             i;
    ngx_http_gateway_redis_connection_t  *conn;

    if (redis->upkeep.timer_set) {
        ngx_del_timer(&redis->upkeep);
    }

    for (i = 0; i < redis->conf.connections; i++) {

        conn = ngx_http_gateway_redis_connection(redis, i);

        if (conn->state == NGX_HTTP_GATEWAY_REDIS_DISCONNECTED
            && !(conn->denied && !ngx_http_gateway_redis_due(conn->retry)))
        {
            conn->attempts = 0;
            ngx_http_gateway_redis_connect_later(conn,
                                                NGX_HTTP_GATEWAY_REDIS_START);
        }
    }
}


/* a time that is never 0, which means "not set" */

static ngx_atomic_uint_t
ngx_http_gateway_redis_time(ngx_msec_t after)
{
    ngx_msec_t  time;

    time = ngx_current_msec + after;

    return (ngx_atomic_uint_t) (time ? time : 1);
}
