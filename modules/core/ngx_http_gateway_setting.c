/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Settings without effect: settings are recorded while the configuration is
 * read, and compared with the uses that are on after it has been merged.  A use
 * that is turned on in a block is also recorded in all outer blocks.
 */

#include "ngx_http_gateway_setting.h"


/* a directive in a block */

typedef struct {
    ngx_str_t                          name;
    ngx_http_gateway_place_t           place;
    ngx_http_gateway_loc_conf_t       *block;
    ngx_http_core_loc_conf_t          *location;   /* of the block */
    const ngx_http_gateway_setting_t  *setting;
} ngx_http_gateway_written_t;


static void ngx_http_gateway_setting_warn(ngx_conf_t *cf,
    ngx_http_gateway_written_t *written);
static ngx_uint_t ngx_http_gateway_setting_idle(
    const ngx_http_gateway_written_t *written);


char *
ngx_http_gateway_set_setting(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                              *rv;
    ngx_command_t                      real;
    const ngx_http_gateway_setting_t  *setting;

    setting = cmd->post;

    real = *cmd;
    real.set = setting->set;
    real.post = setting->post;

    rv = setting->set(cf, &real, conf);

    return (rv == NGX_CONF_OK) ? ngx_http_gateway_setting_add(cf, setting)
                               : rv;
}


char *
ngx_http_gateway_setting_add(ngx_conf_t *cf,
    const ngx_http_gateway_setting_t *setting)
{
    ngx_str_t                     *value;
    ngx_http_gateway_written_t    *written;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->settings == NULL) {
        gmcf->settings = ngx_array_create(cf->pool, 16,
                                          sizeof(ngx_http_gateway_written_t));
        if (gmcf->settings == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    written = ngx_array_push(gmcf->settings);
    if (written == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    ngx_memzero(written, sizeof(ngx_http_gateway_written_t));

    written->name = value[0];
    written->setting = setting;
    written->block = ngx_http_conf_get_module_loc_conf(cf,
                                                      ngx_http_gateway_module);
    written->location = ngx_http_conf_get_module_loc_conf(cf,
                                                         ngx_http_core_module);
    ngx_http_gateway_place(cf, &written->place);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_use_add(ngx_conf_t *cf, ngx_http_gateway_use_t *use)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a use of settings", 1);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    use->bit = (ngx_uint_t) 1 << (NGX_HTTP_GATEWAY_USE_OTHERS + gmcf->uses++);

    return NGX_OK;
}


void
ngx_http_gateway_use_on(ngx_conf_t *cf, ngx_uint_t bits)
{
    ngx_http_gateway_loc_conf_t  *block;

    block = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);
    block->on |= bits;

    for ( /* void */ ;
         block && (block->uses & bits) != bits;
         block = block->outer)
    {
        block->uses |= bits;
    }
}


void
ngx_http_gateway_use_off(ngx_conf_t *cf, ngx_uint_t bits)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    glcf->off |= bits;
}


ngx_uint_t
ngx_http_gateway_uses(const ngx_http_gateway_loc_conf_t *block,
    const ngx_http_core_loc_conf_t *location, ngx_uint_t carried)
{
    if (carried && (location->named || location->internal)) {
        while (block->outer && block->outer->outer) {
            block = block->outer;
        }
    }

    return block->uses;
}


/* errors first: a warning may only be a consequence of an error */

ngx_int_t
ngx_http_gateway_settings_check(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_gateway_written_t    *written;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->settings == NULL) {
        return NGX_OK;
    }

    written = gmcf->settings->elts;

    for (i = 0; i < gmcf->settings->nelts; i++) {

        /* http has no outer block */

        if (written[i].setting->protects && written[i].block->outer
            && ngx_http_gateway_setting_idle(&written[i]))
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%V\" %s, %s in %V:%ui",
                          &written[i].name, written[i].setting->use->lack,
                          written[i].setting->use->remedy,
                          ngx_http_gateway_place_args(&written[i].place));
            return NGX_ERROR;
        }
    }

    for (i = 0; i < gmcf->settings->nelts; i++) {
        ngx_http_gateway_setting_warn(cf, &written[i]);
    }

    return NGX_OK;
}


/* one warning for each block and use, regardless of the number of settings */

static void
ngx_http_gateway_setting_warn(ngx_conf_t *cf,
    ngx_http_gateway_written_t *written)
{
    const ngx_http_gateway_use_t  *use;

    use = written->setting->use;

    if ((written->block->warned & use->bit)
        || !ngx_http_gateway_setting_idle(written))
    {
        return;
    }

    written->block->warned |= use->bit;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0, "\"%V\" %s in %V:%ui",
                  &written->name, use->lack,
                  ngx_http_gateway_place_args(&written->place));
}


/* whether nothing uses a setting */

static ngx_uint_t
ngx_http_gateway_setting_idle(const ngx_http_gateway_written_t *written)
{
    ngx_uint_t                     uses;
    const ngx_http_gateway_use_t  *use;

    use = written->setting->use;
    uses = ngx_http_gateway_uses(written->block, written->location,
                                 use->carried);

    return !((uses | written->block->off) & use->bit)
           && (uses & use->given) == use->given;
}
