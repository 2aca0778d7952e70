/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading rules from the configuration.
 */

#include "ngx_http_gateway_access.h"


static char *ngx_http_gateway_access_read(ngx_conf_t *cf,
    ngx_http_gateway_access_rule_t *rule, ngx_uint_t kind);
static char *ngx_http_gateway_access_setting(ngx_conf_t *cf, ngx_uint_t kind);
static char *ngx_http_gateway_access_write(ngx_conf_t *cf, ngx_uint_t kind,
    const ngx_http_gateway_access_rule_t *rule);
static ngx_http_gateway_access_rule_t *ngx_http_gateway_access_add(
    ngx_conf_t *cf, ngx_array_t **rules);
static char *ngx_http_gateway_access_off(ngx_conf_t *cf,
    ngx_http_gateway_access_loc_conf_t *alcf, ngx_uint_t kind);
static char *ngx_http_gateway_access_name(ngx_conf_t *cf,
    ngx_http_gateway_access_rule_t *rule, ngx_uint_t kind, ngx_str_t *value);
static void ngx_http_gateway_access_warn_name(ngx_conf_t *cf,
    ngx_uint_t kind, ngx_str_t *value);
static char *ngx_http_gateway_access_methods(ngx_conf_t *cf,
    ngx_array_t *methods, ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_access_valid_methods(
    const gw_text_t *list);


/* in an internal or named location, the outer location has authenticated */

static const ngx_http_gateway_use_t  ngx_http_gateway_access_methods_on = {
    NGX_HTTP_GATEWAY_USE_METHOD, 0,
    "has nothing to check, no method of authentication is on in its block or "
    "in an inner one",
    "add one such as \"gateway_jwt\" or \"gateway_api_key\"",
    1
};

static const ngx_http_gateway_use_t  ngx_http_gateway_access_groups_on = {
    NGX_HTTP_GATEWAY_USE_GROUPS, NGX_HTTP_GATEWAY_USE_METHOD,
    "has nothing to check, no method of its block or of an inner one provides "
    "groups",
    "add \"gateway_jwt_group\" or \"gateway_consumers\"",
    1
};


static const ngx_http_gateway_setting_t  ngx_http_gateway_access_judging = {
    NULL, NULL, &ngx_http_gateway_access_methods_on, 1
};

static const ngx_http_gateway_setting_t  ngx_http_gateway_access_grouping = {
    NULL, NULL, &ngx_http_gateway_access_groups_on, 1
};


char *
ngx_http_gateway_access_rule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_access_loc_conf_t *alcf = conf;

    ngx_uint_t                            kind, off;
    ngx_http_gateway_access_rule_t       *rule;
    ngx_http_gateway_access_main_conf_t  *amcf;

    kind = cmd->offset;

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (off) {
        return ngx_http_gateway_access_off(cf, alcf, kind);
    }

    rule = ngx_http_gateway_access_add(cf, &alcf->rules[kind]);

    if (rule == NULL
        || ngx_http_gateway_access_read(cf, rule, kind) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_access_module);
    amcf->used = 1;

    if (ngx_http_gateway_refuses(cf) != NGX_OK
        || ngx_http_gateway_access_write(cf, kind, rule) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_access_setting(cf, kind);
}


/* "method=" of a scope rule, and the names */

static char *
ngx_http_gateway_access_read(ngx_conf_t *cf,
    ngx_http_gateway_access_rule_t *rule, ngx_uint_t kind)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;
    i = 1;

    if (kind == NGX_HTTP_GATEWAY_ACCESS_SCOPE
        && ngx_strncmp(value[1].data, "method=", 7) == 0)
    {
        if (ngx_http_gateway_access_methods(cf, &rule->methods, &value[1])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        i = 2;
    }

    if (i == cf->args->nelts) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must name a scope after \"method=\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    for ( /* void */ ; i < cf->args->nelts; i++) {
        if (ngx_http_gateway_access_name(cf, rule, kind, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* gateway_deny_group is left out: it may list groups of the future */

static char *
ngx_http_gateway_access_write(ngx_conf_t *cf, ngx_uint_t kind,
    const ngx_http_gateway_access_rule_t *rule)
{
    ngx_http_gateway_access_written_t    *written;
    ngx_http_gateway_access_main_conf_t  *amcf;

    if (!ngx_http_gateway_access_kinds[kind].allows) {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_access_module);

    written = ngx_array_push(&amcf->written);
    if (written == NULL) {
        return NGX_CONF_ERROR;
    }

    written->kind = kind;
    written->names = rule->names;
    written->place = rule->place;
    written->block = ngx_http_conf_get_module_loc_conf(cf,
                                                      ngx_http_gateway_module);
    written->location = ngx_http_conf_get_module_loc_conf(cf,
                                                         ngx_http_core_module);
    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_access_check_names(ngx_conf_t *cf)
{
    ngx_int_t                              rc;
    ngx_uint_t                             i, uses;
    ngx_http_gateway_main_conf_t          *gmcf;
    ngx_http_gateway_access_written_t     *written;
    const ngx_http_gateway_access_kind_t  *kind;
    ngx_http_gateway_access_main_conf_t   *amcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_access_module);
    written = amcf->written.elts;

    for (i = 0; gmcf->check_names && i < amcf->written.nelts; i++) {

        kind = &ngx_http_gateway_access_kinds[written[i].kind];
        uses = ngx_http_gateway_uses(written[i].block, written[i].location, 1);

        if (!(uses & NGX_HTTP_GATEWAY_USE_METHOD) || (uses & kind->others)) {
            continue;
        }

        rc = gmcf->check_names(cf, kind->names, &written[i].names);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"%s\" lists no %s of the "
                          "\"gateway_consumers\" file, every request fails "
                          "the rule in %V:%ui", kind->directive, kind->noun,
                          ngx_http_gateway_place_args(&written[i].place));
        }
    }

    return NGX_OK;
}


static char *
ngx_http_gateway_access_setting(ngx_conf_t *cf, ngx_uint_t kind)
{
    if (ngx_http_gateway_setting_add(cf, &ngx_http_gateway_access_judging)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return (kind == NGX_HTTP_GATEWAY_ACCESS_GROUP
            || kind == NGX_HTTP_GATEWAY_ACCESS_DENY)
           ? ngx_http_gateway_setting_add(cf, &ngx_http_gateway_access_grouping)
           : NGX_CONF_OK;
}


static ngx_http_gateway_access_rule_t *
ngx_http_gateway_access_add(ngx_conf_t *cf, ngx_array_t **rules)
{
    ngx_http_gateway_access_rule_t  *rule;

    if (*rules == NULL) {
        *rules = ngx_array_create(cf->pool, 1,
                                  sizeof(ngx_http_gateway_access_rule_t));
        if (*rules == NULL) {
            return NULL;
        }
    }

    rule = ngx_array_push(*rules);
    if (rule == NULL) {
        return NULL;
    }

    if (ngx_array_init(&rule->names, cf->pool, cf->args->nelts - 1,
                       sizeof(gw_text_t))
        != NGX_OK
        || ngx_array_init(&rule->methods, cf->pool, 2, sizeof(gw_text_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_http_gateway_place(cf, &rule->place);

    return rule;
}


/* drops the inherited rules; other rules of the level may follow */

static char *
ngx_http_gateway_access_off(ngx_conf_t *cf,
    ngx_http_gateway_access_loc_conf_t *alcf, ngx_uint_t kind)
{
    ngx_str_t  *value;

    if (alcf->off[kind]) {
        return "is duplicate";
    }

    if (alcf->rules[kind]) {
        value = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V off\" must precede every other \"%V\" "
                           "of its block", &value[0], &value[0]);
        return NGX_CONF_ERROR;
    }

    alcf->off[kind] = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_access_name(ngx_conf_t *cf,
    ngx_http_gateway_access_rule_t *rule, ngx_uint_t kind, ngx_str_t *value)
{
    gw_text_t                             *name, text;
    ngx_str_t                             *directive;
    const ngx_http_gateway_access_kind_t  *k;

    k = &ngx_http_gateway_access_kinds[kind];
    directive = cf->args->elts;

    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty value in \"%V\"", directive);
        return NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value->data, "method=", 7) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", \"method=\" "
                           "can only be the first argument of "
                           "\"gateway_require_scope\"", value, directive);
        return NGX_CONF_ERROR;
    }

    if (!k->valid(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s \"%V\" in \"%V\", %s", k->noun, value,
                           directive, k->form);
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_access_warn_name(cf, kind, value);

    text.len = value->len;
    text.data = value->data;

    if (ngx_http_gateway_access_listed(&rule->names, &text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate %s \"%V\" in \"%V\"", k->noun, value,
                           directive);
        return NGX_CONF_ERROR;
    }

    name = ngx_array_push(&rule->names);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = text;

    return NGX_CONF_OK;
}


/*
 * Warns of valid names that are probably mistakes, such as "methods=POST".  A
 * comma in a group is an error.
 */

static void
ngx_http_gateway_access_warn_name(ngx_conf_t *cf, ngx_uint_t kind,
    ngx_str_t *value)
{
    u_char     *last;
    ngx_str_t  *directive;

    ngx_http_gateway_warn_literal(cf, value,
                                  ngx_http_gateway_access_kinds[kind].meaning);

    if (kind != NGX_HTTP_GATEWAY_ACCESS_SCOPE) {
        return;
    }

    directive = cf->args->elts;
    last = value->data + value->len;

    if (ngx_strncasecmp(value->data, (u_char *) "method", 6) == 0
        && ngx_strlchr(value->data, last, '='))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"%V\" is the name of a scope, write "
                           "\"method=\" to apply the rule to some methods only",
                           value, directive);

    } else if (ngx_strlchr(value->data, last, ',')) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"%V\" is one scope with a comma, scopes "
                           "are separated by blanks", value, directive);
    }
}


/*
 * "method=GET,POST": names that nginx accepts as a method.  HEAD becomes GET,
 * as in a request.
 */

static char *
ngx_http_gateway_access_methods(ngx_conf_t *cf, ngx_array_t *methods,
    ngx_str_t *value)
{
    size_t      state;
    gw_text_t  *method, list, text;
    ngx_str_t  *directive;

    static gw_text_t  get = { 3, (const u_char *) "GET" };

    directive = cf->args->elts;

    list.data = value->data + sizeof("method=") - 1;
    list.len = value->len - (sizeof("method=") - 1);

    if (!ngx_http_gateway_access_valid_methods(&list)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", it must be a "
                           "list of methods in upper case such as "
                           "\"method=GET,POST\"", value, directive);
        return NGX_CONF_ERROR;
    }

    state = 0;

    while (gw_names_next(&list, ',', &state, &text)) {

        if (ngx_http_gateway_access_listed(methods, &text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate method \"%*s\" in \"%V\"", text.len,
                               text.data, directive);
            return NGX_CONF_ERROR;
        }

        method = ngx_array_push(methods);
        if (method == NULL) {
            return NGX_CONF_ERROR;
        }

        *method = text;
    }

    method = methods->elts;

    for (state = 0; state < methods->nelts; state++) {
        if (method[state].len == 4
            && ngx_strncmp(method[state].data, "HEAD", 4) == 0)
        {
            method[state] = get;
        }
    }

    return NGX_CONF_OK;
}


/* names separated by single commas */

static ngx_uint_t
ngx_http_gateway_access_valid_methods(const gw_text_t *list)
{
    u_char  c, last;
    size_t  i;

    last = ',';

    for (i = 0; i < list->len; i++, last = c) {
        c = list->data[i];

        if (c == ',' && last != ',') {
            continue;
        }

        if ((c < 'A' || c > 'Z') && c != '-' && c != '_') {
            return 0;
        }
    }

    return last != ',';
}
