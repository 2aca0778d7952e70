/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_out.h"
#include "gw_cache_status.h"


static const gw_text_t  gw_cache_fwd_words[] = {
    [GW_CACHE_FWD_NONE] = gw_cache_text(""),
    [GW_CACHE_FWD_BYPASS] = gw_cache_text("bypass"),
    [GW_CACHE_FWD_METHOD] = gw_cache_text("method"),
    [GW_CACHE_FWD_URI_MISS] = gw_cache_text("uri-miss"),
    [GW_CACHE_FWD_VARY_MISS] = gw_cache_text("vary-miss"),
    [GW_CACHE_FWD_MISS] = gw_cache_text("miss"),
    [GW_CACHE_FWD_REQUEST] = gw_cache_text("request"),
    [GW_CACHE_FWD_STALE] = gw_cache_text("stale")
};


gw_cache_fwd_e
gw_cache_fwd(const gw_cache_reuse_t *reuse, int variants)
{
    switch (reuse->action) {

    case GW_CACHE_SEND:
    case GW_CACHE_SEND_REFRESH:
    case GW_CACHE_UNAVAILABLE:
        return GW_CACHE_FWD_NONE;

    case GW_CACHE_FETCH:
        return variants ? GW_CACHE_FWD_VARY_MISS : GW_CACHE_FWD_URI_MISS;

    case GW_CACHE_REVALIDATE:
        return (reuse->reason == GW_CACHE_R_REQUEST) ? GW_CACHE_FWD_REQUEST
                                                     : GW_CACHE_FWD_STALE;

    default: /* GW_CACHE_BYPASS */
        return (reuse->reason == GW_CACHE_R_METHOD) ? GW_CACHE_FWD_METHOD
                                                    : GW_CACHE_FWD_BYPASS;
    }
}


static void
gw_cache_status_number(gw_cache_out_t *out, int64_t n)
{
    unsigned char  digits[GW_TEXT_DECIMAL], *end;

    if (n < 0) {
        gw_cache_put_literal(out, "-");
        n = -n;
    }

    end = gw_text_decimal(digits, (uint64_t) n);
    gw_cache_put(out, digits, (size_t) (end - digits));
}


size_t
gw_cache_status_write(unsigned char *p, size_t size,
    const gw_cache_status_t *status)
{
    gw_cache_out_t  out;

    gw_cache_out_init(&out, p, size);

    gw_cache_put(&out, status->name.data, status->name.len);

    if (status->fwd != GW_CACHE_FWD_NONE) {
        gw_cache_put_literal(&out, "; fwd=");
        gw_cache_put(&out, gw_cache_fwd_words[status->fwd].data,
                     gw_cache_fwd_words[status->fwd].len);

        if (status->status) {
            gw_cache_put_literal(&out, "; fwd-status=");
            gw_cache_status_number(&out, status->status);
        }

    } else if (status->hit) {
        gw_cache_put_literal(&out, "; hit");
    }

    if (status->timed) {
        gw_cache_put_literal(&out, "; ttl=");
        gw_cache_status_number(&out, status->ttl);
    }

    /* both apply only to a forwarded request (RFC 9211, 2.5, 2.6) */

    if (status->fwd != GW_CACHE_FWD_NONE && status->stored) {
        gw_cache_put_literal(&out, "; stored");
    }

    if (status->fwd != GW_CACHE_FWD_NONE && status->collapsed) {
        gw_cache_put_literal(&out, "; collapsed");
    }

    if (status->detail.len) {
        gw_cache_put_literal(&out, "; detail=");
        gw_cache_put(&out, status->detail.data, status->detail.len);
    }

    return out.full ? 0 : (size_t) (out.p - p);
}
