/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Waiting for words in shared memory: a queue and a timer for each interval.
 */

#include "ngx_http_gateway_word.h"


/* the first look is so much earlier than later ones */
#define NGX_HTTP_GATEWAY_WORD_FIRST  25


typedef struct ngx_http_gateway_words_s  ngx_http_gateway_words_t;

struct ngx_http_gateway_words_s {
    ngx_msec_t                      interval;
    ngx_msec_t                      delay;      /* until the next look */
    ngx_event_t                     event;      /* timer; posted: woken */
    ngx_queue_t                     waiting;
    ngx_http_gateway_words_t       *next;
};


static ngx_http_gateway_words_t *ngx_http_gateway_words_get(
    ngx_msec_t interval);
static void ngx_http_gateway_words_timer(ngx_http_gateway_words_t *words);
static void ngx_http_gateway_word_look(ngx_event_t *ev);
static ngx_uint_t ngx_http_gateway_word_due(ngx_http_gateway_word_t *w);
static void ngx_http_gateway_word_cancel(void *data);


/*
 * of this process; one for each interval in use.  Not in the cycle's memory:
 * without a master process, a reload replaces the cycle.
 */
static ngx_http_gateway_words_t  *ngx_http_gateway_words;


ngx_int_t
ngx_http_gateway_word_wait(ngx_http_request_t *r, ngx_http_gateway_word_t *w)
{
    ngx_http_gateway_words_t  *words;

    if (__atomic_load_n(w->word, __ATOMIC_SEQ_CST) != w->seen) {
        return NGX_DECLINED;
    }

    words = ngx_http_gateway_words_get(w->interval);
    if (words == NULL) {
        return NGX_ERROR;
    }

    w->wait = ngx_http_gateway_park(r, ngx_http_gateway_word_cancel, w);
    if (w->wait == NULL) {
        return NGX_ERROR;
    }

    w->woken = 0;
    w->timedout = 0;
    w->deadline = ngx_current_msec + w->timeout;

    if (ngx_queue_empty(&words->waiting)) {
        words->delay = ngx_max(words->interval / NGX_HTTP_GATEWAY_WORD_FIRST, 1);
    }

    ngx_queue_insert_tail(&words->waiting, &w->queue);

    if (!words->event.timer_set) {
        ngx_http_gateway_words_timer(words);
    }

    return NGX_AGAIN;
}


static ngx_http_gateway_words_t *
ngx_http_gateway_words_get(ngx_msec_t interval)
{
    ngx_http_gateway_words_t  *words;

    for (words = ngx_http_gateway_words; words; words = words->next) {
        if (words->interval == interval) {
            return words;
        }
    }

    words = ngx_calloc(sizeof(ngx_http_gateway_words_t), ngx_cycle->log);
    if (words == NULL) {
        return NULL;
    }

    words->interval = interval;
    words->event.handler = ngx_http_gateway_word_look;
    words->event.data = words;
    ngx_queue_init(&words->waiting);

    words->next = ngx_http_gateway_words;
    ngx_http_gateway_words = words;

    return words;
}


/* what takes little time is seen soon, what takes long costs few looks */

static void
ngx_http_gateway_words_timer(ngx_http_gateway_words_t *words)
{
    words->event.log = ngx_cycle->log;

    ngx_add_timer(&words->event, words->delay);

    words->delay = ngx_min(words->delay * 2, words->interval);
}


/*
 * Removes all due requests from the queue before it resumes the first one: a
 * resumed request may end others, or wait again.
 */

static void
ngx_http_gateway_word_look(ngx_event_t *ev)
{
    ngx_queue_t               *q, due;
    ngx_http_gateway_word_t   *w;
    ngx_http_gateway_words_t  *words;

    words = ev->data;

    ngx_queue_init(&due);

    for (q = ngx_queue_head(&words->waiting);
         q != ngx_queue_sentinel(&words->waiting);
         /* void */)
    {
        w = ngx_queue_data(q, ngx_http_gateway_word_t, queue);
        q = ngx_queue_next(q);

        if (ngx_http_gateway_word_due(w)) {
            ngx_queue_remove(&w->queue);
            ngx_queue_insert_tail(&due, &w->queue);
        }
    }

    while (!ngx_queue_empty(&due)) {
        q = ngx_queue_head(&due);
        ngx_queue_remove(q);

        w = ngx_queue_data(q, ngx_http_gateway_word_t, queue);

        ngx_http_gateway_resume(w->wait);
    }

    if (ngx_queue_empty(&words->waiting)) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

    } else if (!ev->timer_set) {
        ngx_http_gateway_words_timer(words);
    }
}


static ngx_uint_t
ngx_http_gateway_word_due(ngx_http_gateway_word_t *w)
{
    if (w->woken
        || __atomic_load_n(w->word, __ATOMIC_SEQ_CST) != w->seen)
    {
        return 1;
    }

    if ((ngx_msec_int_t) (w->deadline - ngx_current_msec) <= 0) {
        w->timedout = 1;
        return 1;
    }

    return 0;
}


/* the request has ended; the timer stops with the last one */

static void
ngx_http_gateway_word_cancel(void *data)
{
    ngx_http_gateway_word_t *w = data;

    ngx_http_gateway_words_t  *words;

    ngx_queue_remove(&w->queue);

    words = ngx_http_gateway_words_get(w->interval);

    if (ngx_queue_empty(&words->waiting) && words->event.timer_set) {
        ngx_del_timer(&words->event);
    }
}


void
ngx_http_gateway_word_wake(ngx_atomic_t *word)
{
    ngx_queue_t               *q;
    ngx_http_gateway_word_t   *w;
    ngx_http_gateway_words_t  *words;

    for (words = ngx_http_gateway_words; words; words = words->next) {

        for (q = ngx_queue_head(&words->waiting);
             q != ngx_queue_sentinel(&words->waiting);
             q = ngx_queue_next(q))
        {
            w = ngx_queue_data(q, ngx_http_gateway_word_t, queue);

            if (w->word == word) {
                w->woken = 1;
                ngx_post_event(&words->event, &ngx_posted_events);
            }
        }
    }
}
