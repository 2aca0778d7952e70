/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The kinds of rules.  A rule with a name that no identity can have is refused:
 * every request would meet it, or none.
 */

#include "ngx_http_gateway_access.h"


static ngx_uint_t ngx_http_gateway_access_valid_scope(ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_access_valid_group(ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_access_valid_consumer(ngx_str_t *name);


const ngx_http_gateway_access_kind_t
    ngx_http_gateway_access_kinds[NGX_HTTP_GATEWAY_ACCESS_KINDS] = {

    { "gateway_require_scope", "scope",
      "the name of a scope",
      ngx_http_gateway_access_valid_scope,
      "it must consist of printable ASCII characters other than blanks, "
      "quotes and backslashes",
      offsetof(ngx_http_gateway_identity_t, scopes), ' ',
      GW_INSUFFICIENT_SCOPE, NGX_HTTP_GATEWAY_NAME_SCOPE,
      NGX_HTTP_GATEWAY_USE_CLAIMS, 1 },

    { "gateway_require_group", "group",
      "the name of a group",
      ngx_http_gateway_access_valid_group,
      "it must not contain a comma or a control character",
      offsetof(ngx_http_gateway_identity_t, groups), ',',
      GW_GROUP_NOT_ALLOWED, NGX_HTTP_GATEWAY_NAME_GROUP,
      NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS, 1 },

    { "gateway_deny_group", "group",
      "the name of a group",
      ngx_http_gateway_access_valid_group,
      "it must not contain a comma or a control character",
      offsetof(ngx_http_gateway_identity_t, all_groups), ',',
      GW_GROUP_DENIED, NGX_HTTP_GATEWAY_NAME_GROUP,
      NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS, 0 },

    /* a consumer contains no NUL: the field is always one name */

    { "gateway_require_consumer", "consumer",
      "the name of a consumer",
      ngx_http_gateway_access_valid_consumer,
      "it must not contain a control character",
      offsetof(ngx_http_gateway_identity_t, consumer), '\0',
      GW_CONSUMER_NOT_ALLOWED, NGX_HTTP_GATEWAY_NAME_CONSUMER,
      NGX_HTTP_GATEWAY_USE_CLAIMS, 1 },
};


/*
 * RFC 6749, 3.3: scope-token.  Challenges and problem documents contain scopes
 * without escapes.
 */

static ngx_uint_t
ngx_http_gateway_access_valid_scope(ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= 0x20 || name->data[i] > 0x7e
            || name->data[i] == '"' || name->data[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_access_valid_group(ngx_str_t *name)
{
    return ngx_http_gateway_access_valid_consumer(name)
           && ngx_strlchr(name->data, name->data + name->len, ',') == NULL;
}


static ngx_uint_t
ngx_http_gateway_access_valid_consumer(ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}
