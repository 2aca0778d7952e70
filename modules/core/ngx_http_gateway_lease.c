/* SPDX-License-Identifier: BSD-2-Clause */

/* leases: see ngx_http_gateway_lease.h */

#include "ngx_http_gateway_lease.h"


/*
 * If several processes find that the holder is gone, only one succeeds: the
 * holder is replaced only if it has not changed meanwhile.
 */

ngx_uint_t
ngx_http_gateway_lease_take(ngx_http_gateway_lease_t *lease)
{
    uint64_t  holder;

    holder = __atomic_load_n(&lease->holder, __ATOMIC_SEQ_CST);

    if (holder && !ngx_http_gateway_process_gone(holder)) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "gateway lease: held by process %P",
                       ngx_http_gateway_process_pid(holder));
        return 0;
    }

    if (!__atomic_compare_exchange_n(&lease->holder, &holder,
                                     ngx_http_gateway_process_self(), 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "gateway lease: another process was faster");
        return 0;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "gateway lease: taken, after process %P",
                   ngx_http_gateway_process_pid(holder));
    return 1;
}


void
ngx_http_gateway_lease_release(ngx_http_gateway_lease_t *lease)
{
    uint64_t  self;

    self = ngx_http_gateway_process_self();

    if (__atomic_compare_exchange_n(&lease->holder, &self, 0, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "gateway lease: released");
    }
}
