/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Two halves of shared memory, one of which is in force: all processes read it
 * without a lock, and it is replaced for all of them by one store.
 *
 * "generation" says which half is in force: its lowest bit.  One process at a
 * time, which holds a lease (ngx_http_gateway_lease.h), waits until the other
 * half is idle, fills it, and adds one to the generation; that store is all
 * that readers see of it.
 *
 * A reader marks the half that it reads from, copies what it has found, and
 * takes its mark away.  No half is written to while a mark is in it:
 *
 *     reader                       writer, who holds the lease
 *
 *     g = generation               no mark in the half that is not in force?
 *     mark half g & 1              fill that half
 *     is generation still g?       generation++
 *     copy
 *     remove the mark
 *     is generation still g?
 *
 * Each step survives a process that is killed at it:
 *
 * - a mark names its process, and one that has exited marks nothing;
 * - a half that was filled in part was never in force: the next holder of the
 *   lease fills it again from the start;
 * - the generation has changed or has not, and the half in force is whole.
 *
 * A process that is stopped keeps its mark, and the idle half stays as it is
 * until the process goes on or exits; the writer tries again later.  A reader
 * that is stopped before it has set its mark is not seen by the writer, and
 * finds a new generation behind its mark: it must read nothing then.
 */

#ifndef _NGX_HTTP_GATEWAY_HALVES_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_HALVES_H_INCLUDED_


#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_HALVES_LINE  64        /* bytes, of a CPU's cache */


/* a process that reads; each in a cache line of its own */

typedef struct {
    uint64_t                        process;    /* its name */
    ngx_atomic_t                    mark;       /* half + 1; 0: none */
    u_char                          unused[NGX_HTTP_GATEWAY_HALVES_LINE
                                           - sizeof(uint64_t)
                                           - sizeof(ngx_atomic_t)];
} ngx_http_gateway_reader_t;


/*
 * First in what a zone holds, and zeroed.  The generation shares no cache line
 * with marks, which change with each request.
 */

typedef struct {
    ngx_atomic_t                    generation;
    size_t                          size;       /* of a half, in bytes */
    size_t                          offsets[2]; /* of the halves, from here */
    u_char                          unused[NGX_HTTP_GATEWAY_HALVES_LINE
                                           - sizeof(ngx_atomic_t)
                                           - 3 * sizeof(size_t)];
    ngx_http_gateway_reader_t       readers[NGX_MAX_PROCESSES];
} ngx_http_gateway_halves_t;


/* the half of a generation; the next one's is the half that is not in force */

#define ngx_http_gateway_half(halves, generation)                             \
    ((void *) ((u_char *) (halves) + (halves)->offsets[(generation) & 1]))


/*
 * The size of a half, a multiple of the page size, for a zone of "zone" bytes
 * that holds "head" bytes beside the halves.
 */
size_t ngx_http_gateway_halves_size(size_t zone, size_t head);

/*
 * In the zone's init: allocates both halves, whose content is undefined.
 * NGX_ERROR: the zone is too small.
 */
ngx_int_t ngx_http_gateway_halves_alloc(ngx_http_gateway_halves_t *halves,
    ngx_slab_pool_t *shpool, size_t size);

/* in init_process, before the process reads for the first time */
void ngx_http_gateway_halves_join(ngx_http_gateway_halves_t *halves);

/*
 * Under the lease: whether nobody reads the half that is not in force.  Nobody
 * begins to before it is in force, so that it stays so.
 */
ngx_uint_t ngx_http_gateway_halves_idle(ngx_http_gateway_halves_t *halves);

/* under the lease, and idle: puts the half that is not in force in force */
void ngx_http_gateway_halves_swap(ngx_http_gateway_halves_t *halves);


/*
 * Begins to read the half of "generation", which is filled.  Returns 0 where it
 * must not be read: it has been replaced meanwhile.  In both cases _end()
 * follows, before the process does anything else.
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
 * Ends reading.  Returns 0 where the half was replaced meanwhile: what was
 * copied must not be used, and can be read again from the half in force.
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
