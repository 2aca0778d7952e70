
/*
 * The response cache: the parts that the module is made of are in files
 * without nginx.
 */

#include "ngx_http_gateway.h"


static ngx_http_module_t  ngx_http_gateway_cache_module_ctx;


ngx_module_t  ngx_http_gateway_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cache_module_ctx,    /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};
