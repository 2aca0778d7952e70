/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared memory in two halves, one active and one idle.  All processes read the
 * active half without a lock; one store replaces it for all of them.
 *
 * The lowest bit of "generation" selects the active half.  The writer, one
 * process at a time, holds a lease (ngx_http_gateway_lease.h), waits until no
 * process reads the other half, fills it, and increments the generation.
 * Readers see nothing but that store.
 *
 * A reader marks the half that it reads, copies what it needs, and removes its
 * mark.  A half is never written while it is marked:
 *
 *     reader                       writer, who holds the lease
 *
 *     g = generation               no mark in the inactive half?
 *     mark half g & 1              fill that half
 *     is generation still g?       generation++
 *     copy
 *     remove the mark
 *     is generation still g?
 *
 * A process can be killed at any step:
 *
 * - the marks of a process that has exited are ignored;
 * - a partly filled half was never active: the next holder of the lease fills
 *   it again from the start;
 * - whether the generation has changed or not, the active half is complete.
 *
 * A process that is stopped keeps its mark.  The writer then leaves the marked
 * half alone and tries again later, until the process continues or exits.  A
 * reader that is stopped before it sets its mark is not seen by the writer; it
 * notices the new generation after it has set the mark, and must not read.
 */

#ifndef _NGX_HTTP_GATEWAY_HALVES_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_HALVES_H_INCLUDED_


#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_HALVES_LINE  64        /* bytes, of a CPU's cache */


/* a process that reads; each has its own cache line */

typedef struct {
    uint64_t                        process;
    ngx_atomic_t                    mark;       /* half + 1; 0: none */
    u_char                          unused[NGX_HTTP_GATEWAY_HALVES_LINE
                                           - sizeof(uint64_t)
                                           - sizeof(ngx_atomic_t)];
} ngx_http_gateway_reader_t;


/*
 * The first member of the zone's data, zeroed at first.  The generation has no
 * cache line in common with the marks, which change with each request.
 */

typedef struct {
    ngx_atomic_t                    generation;
    size_t                          size;       /* of a half, in bytes */
    size_t                          offsets[2]; /* of the halves, relative to
                                                   this structure */
    u_char                          unused[NGX_HTTP_GATEWAY_HALVES_LINE
                                           - sizeof(ngx_atomic_t)
                                           - 3 * sizeof(size_t)];
    ngx_http_gateway_reader_t       readers[NGX_MAX_PROCESSES];
} ngx_http_gateway_halves_t;


/* the half of a generation; that of generation + 1 is the inactive half */

#define ngx_http_gateway_half(halves, generation)                             \
    ((void *) ((u_char *) (halves) + (halves)->offsets[(generation) & 1]))


/*
 * The size of a half, a multiple of the page size, for a zone of "zone" bytes
 * that also contains "head" bytes of other data.
 */
size_t ngx_http_gateway_halves_size(size_t zone, size_t head);

/*
 * In the zone's init: allocates both halves, without initializing them.
 * NGX_ERROR: the zone is too small.
 */
ngx_int_t ngx_http_gateway_halves_alloc(ngx_http_gateway_halves_t *halves,
    ngx_slab_pool_t *shpool, size_t size);

/* in init_process, before the process reads */
void ngx_http_gateway_halves_join(ngx_http_gateway_halves_t *halves);

/*
 * Under the lease: whether no process reads the inactive half.  If so, no
 * process reads it before it becomes active.
 */
ngx_uint_t ngx_http_gateway_halves_idle(ngx_http_gateway_halves_t *halves);

/* under the lease, if the inactive half is idle: makes it the active half */
void ngx_http_gateway_halves_swap(ngx_http_gateway_halves_t *halves);


/*
 * Begins to read the active half and sets "generation" to its generation.
 * Returns 0 if the half was replaced meanwhile and must not be read.  In either
 * case the caller must call ngx_http_gateway_halves_end() before it does
 * anything else.
 */

static ngx_inline ngx_uint_t
ngx_http_gateway_halves_begin(ngx_http_gateway_halves_t *halves,
    ngx_atomic_uint_t *generation)
{
    *generation = halves->generation;

    /* a full barrier: the mark is seen before the half is read */

    (void) ngx_atomic_cmp_set(&halves->readers[ngx_process_slot].mark, 0,
                              (*generation & 1) + 1);

    return halves->generation == *generation;
}


/*
 * Ends reading.  Returns 0 if the half was replaced meanwhile: the copy must
 * not be used, and can be made again from the active half.
 */

static ngx_inline ngx_uint_t
ngx_http_gateway_halves_end(ngx_http_gateway_halves_t *halves,
    ngx_atomic_uint_t generation)
{
    ngx_memory_barrier();

    halves->readers[ngx_process_slot].mark = 0;

    return halves->generation == generation;
}


#endif /* _NGX_HTTP_GATEWAY_HALVES_H_INCLUDED_ */
