/* SPDX-License-Identifier: BSD-2-Clause */

/* halves: see ngx_http_gateway_halves.h */

#include "ngx_http_gateway_halves.h"


/*
 * Half of the zone without the slab pool's page descriptions, the head, and
 * some pages for rounding.
 */

size_t
ngx_http_gateway_halves_size(size_t zone, size_t head)
{
    size_t  rest;

    rest = zone - zone / 64 - head - 8 * ngx_pagesize;

    return (rest / 2) & ~(size_t) (ngx_pagesize - 1);
}


ngx_int_t
ngx_http_gateway_halves_alloc(ngx_http_gateway_halves_t *halves,
    ngx_slab_pool_t *shpool, size_t size)
{
    u_char      *half;
    ngx_uint_t   i;

    for (i = 0; i < 2; i++) {
        half = ngx_slab_alloc(shpool, size);
        if (half == NULL) {
            return NGX_ERROR;
        }

        halves->offsets[i] = half - (u_char *) halves;
    }

    halves->size = size;

    return NGX_OK;
}


/*
 * nginx reuses slots of its process table: a mark that is found here belongs to
 * a process that was killed while it read.
 */

void
ngx_http_gateway_halves_join(ngx_http_gateway_halves_t *halves)
{
    ngx_http_gateway_reader_t  *reader;

    reader = &halves->readers[ngx_process_slot];

    reader->mark = 0;
    reader->process = ngx_http_gateway_process_self();
}


/*
 * The barrier orders the marks after the swap that made this half inactive: a
 * reader whose mark is not seen here sees that swap after it has set its mark.
 */

ngx_uint_t
ngx_http_gateway_halves_idle(ngx_http_gateway_halves_t *halves)
{
    ngx_uint_t                  i;
    ngx_atomic_uint_t           idle;
    ngx_http_gateway_reader_t  *reader;

    idle = (~halves->generation & 1) + 1;

    ngx_memory_barrier();

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        reader = &halves->readers[i];

        if (reader->mark == idle
            && !ngx_http_gateway_process_gone(reader->process))
        {
            ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                           "gateway halves: process %P reads the idle half",
                           ngx_http_gateway_process_pid(reader->process));
            return 0;
        }
    }

    return 1;
}


void
ngx_http_gateway_halves_swap(ngx_http_gateway_halves_t *halves)
{
    /* a full barrier: the half is complete before it becomes active */

    (void) ngx_atomic_fetch_add(&halves->generation, 1);

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "gateway halves: generation %uA", halves->generation);
}
