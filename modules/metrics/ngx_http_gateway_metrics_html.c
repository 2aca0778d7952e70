/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The page.  Its script and its style are inside of it; the policy allows these
 * two by their hashes, data from the same server, and nothing else (Content
 * Security Policy Level 3, 6.7.3).
 */

#include "ngx_http_gateway_metrics_scrape.h"

#include <openssl/evp.h>


/* the file is a part of the module */

__asm__(
    "    .pushsection .rodata\n"
    "ngx_http_gateway_metrics_page_first:\n"
    "    .incbin \"" NGX_HTTP_GATEWAY_DIR
    "/modules/metrics/ngx_http_gateway_metrics_page.html\"\n"
    "ngx_http_gateway_metrics_page_last:\n"
    "    .byte 0\n"
    "    .popsection\n"
);

extern const u_char  ngx_http_gateway_metrics_page_first[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_gateway_metrics_page_last[]
    __attribute__((visibility("hidden")));



static u_char *ngx_http_gateway_metrics_hash(u_char *p, const ngx_str_t *html,
    const char *open, const char *close);


void
ngx_http_gateway_metrics_html(ngx_str_t *html, ngx_str_t *csp)
{
    static u_char  policy[512];
    static size_t  len;

    u_char  *p;

    html->data = (u_char *) ngx_http_gateway_metrics_page_first;
    html->len = ngx_http_gateway_metrics_page_last
                - ngx_http_gateway_metrics_page_first;

    if (len == 0) {
        p = ngx_sprintf(policy, "default-src 'none'; script-src 'sha256-");
        p = ngx_http_gateway_metrics_hash(p, html, "<script>", "</script>");
        p = ngx_sprintf(p, "'; style-src 'sha256-");
        p = ngx_http_gateway_metrics_hash(p, html, "<style>", "</style>");
        p = ngx_sprintf(p, "'; connect-src 'self'; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'");
        len = p - policy;
    }

    csp->data = policy;
    csp->len = len;
}


/*
 * Writes the SHA-256 of what is between two tags, in base64.  If OpenSSL fails,
 * the hash is not right, and browsers do not run the script.
 */

static u_char *
ngx_http_gateway_metrics_hash(u_char *p, const ngx_str_t *html,
    const char *open, const char *close)
{
    u_char     *first, *last, digest[EVP_MAX_MD_SIZE];
    unsigned    n;
    ngx_str_t   from, to;

    first = ngx_strnstr(html->data, (char *) open, html->len);

    if (first == NULL) {
        return p;
    }

    first += ngx_strlen(open);
    last = ngx_strnstr(first, (char *) close,
                       html->data + html->len - first);

    ngx_memzero(digest, sizeof(digest));

    if (last == NULL
        || EVP_Digest(first, last - first, digest, &n, EVP_sha256(), NULL) != 1)
    {
        return p;
    }

    from.data = digest;
    from.len = 32;
    to.data = p;
    ngx_encode_base64(&to, &from);

    return p + to.len;
}
