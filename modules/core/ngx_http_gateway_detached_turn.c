/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The bounds of detached requests: which ones run, and which ones wait for
 * their turn.
 */

#include "ngx_http_gateway_detached_private.h"


static ngx_uint_t ngx_http_gateway_detached_can_run(
    const ngx_http_gateway_detached_user_t *user);
static ngx_uint_t ngx_http_gateway_detached_can_wait(
    const ngx_http_gateway_detached_user_t *user);
static ngx_uint_t ngx_http_gateway_detached_room(
    const ngx_http_gateway_detached_group_t *group, ngx_uint_t own,
    ngx_uint_t all, ngx_uint_t max);
static void ngx_http_gateway_detached_enqueue(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_dequeue(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_next(
    ngx_http_gateway_detached_user_t *user);
static void ngx_http_gateway_detached_turns(
    ngx_http_gateway_detached_group_t *group);


ngx_uint_t
ngx_http_gateway_detached_admits(const ngx_http_gateway_detached_user_t *user)
{
    return ngx_http_gateway_detached_can_run(user)
           || (ngx_http_gateway_detached_can_wait(user)
               && !(ngx_exiting && !user->keep));
}


void
ngx_http_gateway_detached_enter(ngx_http_gateway_detached_t *d)
{
    ngx_http_gateway_detached_enqueue(d);

    if (ngx_http_gateway_detached_can_run(d->conf.user)) {
        ngx_http_gateway_detached_next(d->conf.user);
    }
}


void
ngx_http_gateway_detached_exit(ngx_http_gateway_detached_t *d)
{
    ngx_http_gateway_detached_user_t  *user;

    if (d->waiting) {
        ngx_http_gateway_detached_dequeue(d);
        return;
    }

    user = d->conf.user;
    user->running--;

    if (user->group) {
        user->group->running--;
        ngx_http_gateway_detached_turns(user->group);

    } else {
        ngx_http_gateway_detached_next(user);
    }
}


static ngx_uint_t
ngx_http_gateway_detached_can_run(const ngx_http_gateway_detached_user_t *user)
{
    ngx_http_gateway_detached_group_t  *group;

    group = user->group;

    return group ? ngx_http_gateway_detached_room(group, user->running,
                                                  group->running, group->max)
                 : user->running < user->max;
}


static ngx_uint_t
ngx_http_gateway_detached_can_wait(const ngx_http_gateway_detached_user_t *user)
{
    ngx_http_gateway_detached_group_t  *group;

    group = user->group;

    return group ? ngx_http_gateway_detached_room(group, user->nwaiting,
                                                  group->nwaiting,
                                                  group->backlog)
                 : user->nwaiting < user->backlog;
}


/* for one more of a user that has "own" of the group's "all" */

static ngx_uint_t
ngx_http_gateway_detached_room(const ngx_http_gateway_detached_group_t *group,
    ngx_uint_t own, ngx_uint_t all, ngx_uint_t max)
{
    if (all >= max) {
        return 0;
    }

    return !group->fair || own < 3 * (max - all);
}


static void
ngx_http_gateway_detached_enqueue(ngx_http_gateway_detached_t *d)
{
    ngx_http_gateway_detached_user_t   *user;
    ngx_http_gateway_detached_group_t  *group;

    user = d->conf.user;
    group = user->group;

    if (user->waiting.prev == NULL) {
        ngx_queue_init(&user->waiting);
    }

    if (group) {
        if (group->users.prev == NULL) {
            ngx_queue_init(&group->users);
        }

        if (user->nwaiting == 0) {
            ngx_queue_insert_tail(&group->users, &user->queue);
        }

        group->nwaiting++;
    }

    d->waiting = 1;
    user->nwaiting++;
    ngx_queue_insert_tail(&user->waiting, &d->queue);
}


static void
ngx_http_gateway_detached_dequeue(ngx_http_gateway_detached_t *d)
{
    ngx_http_gateway_detached_user_t  *user;

    user = d->conf.user;

    ngx_queue_remove(&d->queue);
    user->nwaiting--;

    if (user->group) {
        user->group->nwaiting--;

        if (user->nwaiting == 0) {
            ngx_queue_remove(&user->queue);
        }
    }
}


/* starts the request that has waited the longest */

static void
ngx_http_gateway_detached_next(ngx_http_gateway_detached_user_t *user)
{
    ngx_queue_t                  *q;
    ngx_http_gateway_detached_t  *d;

    if (user->nwaiting == 0) {
        return;
    }

    q = ngx_queue_head(&user->waiting);
    d = ngx_queue_data(q, ngx_http_gateway_detached_t, queue);

    ngx_http_gateway_detached_dequeue(d);

    d->waiting = 0;
    user->running++;

    if (user->group) {
        user->group->running++;
    }

    ngx_post_event(&d->event, &ngx_posted_next_events);
}


/* starts one request of each user whose turn it is, as long as there is room */

static void
ngx_http_gateway_detached_turns(ngx_http_gateway_detached_group_t *group)
{
    ngx_queue_t                       *q, *next;
    ngx_http_gateway_detached_user_t  *user;

    for (q = ngx_queue_head(&group->users);
         q != ngx_queue_sentinel(&group->users);
         q = next)
    {
        next = ngx_queue_next(q);
        user = ngx_queue_data(q, ngx_http_gateway_detached_user_t, queue);

        if (!ngx_http_gateway_detached_can_run(user)) {
            continue;
        }

        ngx_http_gateway_detached_next(user);

        if (user->nwaiting) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&group->users, q);
        }
    }
}
