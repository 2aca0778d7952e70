/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Compiles a format into operations: the members of its preset, its fields and
 * its captured headers.  The members of an object become neighbours, and
 * constant texts are joined to one literal.
 *
 * This is done after the configuration has been read: only then all headers are
 * known that credentials are read from.
 */

#include "ngx_http_gateway_log.h"


/* a member of the record: of the preset, a field, or captured headers */

typedef struct {
    ngx_str_t                             path;
    ngx_http_gateway_log_write_pt         write;    /* NULL: a constant */
    uintptr_t                             data;
    ngx_str_t                             constant;
    const ngx_http_gateway_log_field_t   *field;    /* NULL: not a field */
    unsigned                              sure:1;
    unsigned                              whole:1;  /* a dot begins no object */
    unsigned                              bare:1;   /* the writer writes keys */
} ngx_http_gateway_log_member_t;


typedef struct {
    ngx_conf_t                           *cf;
    ngx_http_gateway_log_format_t        *format;
    ngx_array_t                           members;  /* member_t */
    ngx_array_t                           literal;  /* u_char: for the next
                                                       operation */
} ngx_http_gateway_log_compiler_t;


static ngx_int_t ngx_http_gateway_log_collect(
    ngx_http_gateway_log_compiler_t *compiler);
static ngx_int_t ngx_http_gateway_log_object(
    ngx_http_gateway_log_compiler_t *compiler,
    ngx_http_gateway_log_member_t **members, ngx_uint_t n, ngx_uint_t depth);


/* the literal that remains ends the record */

static ngx_int_t
ngx_http_gateway_log_tail(ngx_http_gateway_log_compiler_t *compiler)
{
    ngx_str_t  *tail = &compiler->format->tail;

    tail->len = compiler->literal.nelts;
    tail->data = ngx_pnalloc(compiler->cf->pool, tail->len + 1);
    if (tail->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(tail->data, compiler->literal.elts, tail->len);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_log_compile(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format)
{
    u_char                           *p;
    ngx_uint_t                        i;
    ngx_http_gateway_log_member_t    *member, **members;
    ngx_http_gateway_log_compiler_t   compiler;

    if (ngx_http_gateway_log_format_check(cf, format) != NGX_OK) {
        return NGX_ERROR;
    }

    compiler.cf = cf;
    compiler.format = format;

    if (ngx_array_init(&format->ops, cf->pool, 64,
                       sizeof(ngx_http_gateway_log_op_t))
        != NGX_OK
        || ngx_array_init(&compiler.members, cf->temp_pool, 64,
                          sizeof(ngx_http_gateway_log_member_t))
           != NGX_OK
        || ngx_array_init(&compiler.literal, cf->temp_pool, 256, 1) != NGX_OK
        || ngx_http_gateway_log_collect(&compiler) != NGX_OK)
    {
        return NGX_ERROR;
    }

    members = ngx_palloc(cf->temp_pool,
                         compiler.members.nelts * sizeof(void *));
    p = ngx_array_push(&compiler.literal);

    if (members == NULL || p == NULL) {
        return NGX_ERROR;
    }

    *p = '{';
    member = compiler.members.elts;

    for (i = 0; i < compiler.members.nelts; i++) {
        members[i] = &member[i];
    }

    if (ngx_http_gateway_log_object(&compiler, members,
                                    compiler.members.nelts, 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_log_tail(&compiler);
}


/* --- the members, in order */

ngx_int_t
ngx_http_gateway_log_known(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_str_t                   copy = *name;
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (ngx_http_gateway_same(&key[i].key, name)) {
            return ngx_http_get_variable_index(cf, &copy);
        }
    }

    return NGX_DECLINED;
}


static ngx_http_gateway_log_member_t *
ngx_http_gateway_log_push(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_str_t *path)
{
    ngx_http_gateway_log_member_t  *member;

    member = ngx_array_push(&compiler->members);

    if (member != NULL) {
        ngx_memzero(member, sizeof(ngx_http_gateway_log_member_t));
        member->path = *path;
    }

    return member;
}


static ngx_int_t
ngx_http_gateway_log_collect_rows(ngx_http_gateway_log_compiler_t *compiler,
    ngx_uint_t rank)
{
    ngx_int_t                          index;
    ngx_http_gateway_log_member_t     *member;
    const ngx_http_gateway_log_row_t  *row;

    row = ngx_http_gateway_log_vocabularies[compiler->format->preset].rows;

    for ( /* void */ ; row->path.len; row++) {

        if (ngx_http_gateway_log_path_rank(&row->path) != rank) {
            continue;
        }

        index = 0;

        if (row->variable.len) {
            index = ngx_http_gateway_log_known(compiler->cf, &row->variable);

            if (index == NGX_DECLINED) {
                continue;
            }

            if (index == NGX_ERROR) {
                return NGX_ERROR;
            }
        }

        member = ngx_http_gateway_log_push(compiler, &row->path);
        if (member == NULL) {
            return NGX_ERROR;
        }

        member->write = row->write;
        member->data = row->variable.len ? (uintptr_t) index : row->data;
        member->constant = row->constant;
        member->sure = row->sure;
        member->whole = row->whole;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_collect_fields(ngx_http_gateway_log_compiler_t *compiler,
    ngx_uint_t rank)
{
    ngx_uint_t                      i, inside;
    ngx_http_gateway_log_field_t   *field;
    ngx_http_gateway_log_member_t  *member;

    field = compiler->format->fields.elts;

    for (i = 0; i < compiler->format->fields.nelts; i++) {
        inside = (ngx_http_gateway_log_path_rank(&field[i].path) != 0);

        if (inside != rank) {
            continue;
        }

        member = ngx_http_gateway_log_push(compiler, &field[i].path);
        if (member == NULL) {
            return NGX_ERROR;
        }

        member->field = &field[i];
        member->write = ngx_http_gateway_log_field_init(&field[i],
                                                        &member->data);
    }

    return NGX_OK;
}


/* headers are in the object "gateway" or, without objects, at the top level */

static ngx_int_t
ngx_http_gateway_log_collect_headers(ngx_http_gateway_log_compiler_t *compiler)
{
    ngx_uint_t                                sent;
    ngx_http_gateway_log_member_t            *member;
    const ngx_http_gateway_log_vocabulary_t  *words;

    static ngx_str_t  inside = ngx_string("gateway.header");
    static ngx_str_t  top = ngx_string("header");

    words = &ngx_http_gateway_log_vocabularies[compiler->format->preset];

    for (sent = 0; sent < 2; sent++) {

        if ((sent ? &compiler->format->response
                  : &compiler->format->request)->nelts == 0)
        {
            continue;
        }

        member = ngx_http_gateway_log_push(compiler,
                                           words->nested ? &inside : &top);
        if (member == NULL) {
            return NGX_ERROR;
        }

        member->write = ngx_http_gateway_log_headers;
        member->data = sent;
        member->bare = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_collect(ngx_http_gateway_log_compiler_t *compiler)
{
    if (ngx_http_gateway_log_collect_rows(compiler, 0) != NGX_OK
        || ngx_http_gateway_log_collect_fields(compiler, 0) != NGX_OK
        || ngx_http_gateway_log_collect_rows(compiler, 1) != NGX_OK
        || ngx_http_gateway_log_collect_fields(compiler, 1) != NGX_OK
        || ngx_http_gateway_log_collect_headers(compiler) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_log_collect_rows(compiler, 2);
}


/* --- operations */

static ngx_int_t
ngx_http_gateway_log_literal(ngx_http_gateway_log_compiler_t *compiler,
    const void *data, size_t len)
{
    u_char  *p;

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_array_push_n(&compiler->literal, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, data, len);

    return NGX_OK;
}


/* "name": */

static ngx_int_t
ngx_http_gateway_log_key(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_str_t *name, ngx_str_t *key)
{
    u_char     *p, *last;
    unsigned    cut;
    gw_text_t   text;

    p = ngx_pcalloc(compiler->cf->pool, name->len * GW_LOG_JSON_BYTE + 4
                                        + NGX_HTTP_GATEWAY_LOG_BLOCK);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = p + name->len * GW_LOG_JSON_BYTE + 1;
    cut = 0;
    text.data = name->data;
    text.len = name->len;
    key->data = p;

    *p++ = '"';
    p = gw_log_json_string(p, last, &text, &cut);
    p = ngx_cpymem(p, "\":", 2);

    key->len = p - key->data;

    return NGX_OK;
}


static ngx_http_gateway_log_op_t *
ngx_http_gateway_log_op(ngx_http_gateway_log_compiler_t *compiler,
    ngx_http_gateway_log_op_e kind)
{
    ngx_http_gateway_log_op_t  *op;

    op = ngx_array_push(&compiler->format->ops);
    if (op == NULL) {
        return NULL;
    }

    ngx_memzero(op, sizeof(ngx_http_gateway_log_op_t));
    op->kind = kind;
    op->literal.len = compiler->literal.nelts;
    op->literal.data = ngx_pcalloc(compiler->cf->pool,
                                   compiler->literal.nelts
                                   + NGX_HTTP_GATEWAY_LOG_BLOCK);
    if (op->literal.data == NULL) {
        return NULL;
    }

    ngx_memcpy(op->literal.data, compiler->literal.elts,
               compiler->literal.nelts);

    compiler->literal.nelts = 0;

    return op;
}


static ngx_int_t
ngx_http_gateway_log_value(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_http_gateway_log_member_t *member, const ngx_str_t *name)
{
    ngx_str_t                   key;
    ngx_http_gateway_log_op_t  *op;

    ngx_str_null(&key);

    if (!member->bare
        && ngx_http_gateway_log_key(compiler, name, &key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (member->sure
        && ngx_http_gateway_log_literal(compiler, key.data, key.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (member->write == NULL) {
        if (ngx_http_gateway_log_literal(compiler, member->constant.data,
                                         member->constant.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_gateway_log_literal(compiler, ",", 1);
    }

    op = ngx_http_gateway_log_op(compiler, NGX_HTTP_GATEWAY_LOG_VALUE);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (!member->sure) {
        op->key = key;
    }

    op->write = member->write;
    op->data = member->data;

    return NGX_OK;
}


/* the part of a member's path at a depth of objects; 1: it is the last one */

static ngx_uint_t
ngx_http_gateway_log_part(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_http_gateway_log_member_t *member, ngx_uint_t depth,
    ngx_str_t *part)
{
    u_char  *p, *last, *dot;

    p = member->path.data;
    last = p + member->path.len;

    if (member->whole
        || !ngx_http_gateway_log_vocabularies[compiler->format->preset].nested)
    {
        *part = member->path;
        return 1;
    }

    for ( ;; ) {
        dot = ngx_strlchr(p, last, '.');

        if (dot == NULL || depth-- == 0) {
            break;
        }

        p = dot + 1;
    }

    part->data = p;
    part->len = (dot ? dot : last) - p;

    return dot == NULL;
}


/* two members have the same name: the error names the one that is a field */

static ngx_int_t
ngx_http_gateway_log_clash(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_http_gateway_log_member_t *a,
    const ngx_http_gateway_log_member_t *b)
{
    return ngx_http_gateway_log_format_duplicate(compiler->cf, compiler->format,
                                          b->field ? b->field : a->field);
}


/*
 * Moves the members of the object "name" from "members" to "inside"; their
 * places become NULL.  Returns their number, or NGX_ERROR after an [emerg].
 */

static ngx_int_t
ngx_http_gateway_log_take(ngx_http_gateway_log_compiler_t *compiler,
    ngx_http_gateway_log_member_t **members, ngx_uint_t n, ngx_uint_t depth,
    const ngx_str_t *name, ngx_http_gateway_log_member_t **inside)
{
    ngx_int_t   k;
    ngx_str_t   part;
    ngx_uint_t  i, last;

    k = 0;

    for (i = 0; i < n; i++) {

        if (members[i] == NULL) {
            continue;
        }

        last = ngx_http_gateway_log_part(compiler, members[i], depth, &part);

        if (!ngx_http_gateway_same(&part, name) || (last && members[i]->bare)) {
            continue;
        }

        if (last) {
            return ngx_http_gateway_log_clash(compiler, inside[0], members[i]);
        }

        inside[k++] = members[i];
        members[i] = NULL;
    }

    return k;
}


/* an object that is never empty begins with a literal, not an operation */

static ngx_int_t
ngx_http_gateway_log_open_object(ngx_http_gateway_log_compiler_t *compiler,
    const ngx_str_t *name, ngx_uint_t sure)
{
    ngx_str_t                   key;
    ngx_http_gateway_log_op_t  *op;

    if (ngx_http_gateway_log_key(compiler, name, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    key.data[key.len++] = '{';

    if (sure) {
        return ngx_http_gateway_log_literal(compiler, key.data, key.len);
    }

    op = ngx_http_gateway_log_op(compiler, NGX_HTTP_GATEWAY_LOG_OPEN);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->key = key;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_group(ngx_http_gateway_log_compiler_t *compiler,
    ngx_http_gateway_log_member_t **members, ngx_uint_t n, ngx_uint_t depth,
    const ngx_str_t *name)
{
    u_char                          *p;
    ngx_int_t                        i, k, sure;
    ngx_http_gateway_log_member_t  **inside;

    inside = ngx_palloc(compiler->cf->temp_pool, n * sizeof(void *));
    if (inside == NULL) {
        return NGX_ERROR;
    }

    k = ngx_http_gateway_log_take(compiler, members, n, depth, name, inside);
    sure = 0;

    for (i = 0; i < k; i++) {
        sure |= inside[i]->sure;
    }

    if (k == NGX_ERROR
        || ngx_http_gateway_log_open_object(compiler, name, sure) != NGX_OK
        || ngx_http_gateway_log_object(compiler, inside, k, depth + 1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (compiler->literal.nelts) {
        p = compiler->literal.elts;
        p[compiler->literal.nelts - 1] = '}';

        return ngx_http_gateway_log_literal(compiler, ",", 1);
    }

    return ngx_http_gateway_log_op(compiler,
                                   sure ? NGX_HTTP_GATEWAY_LOG_CLOSE_SURE
                                        : NGX_HTTP_GATEWAY_LOG_CLOSE)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_log_object(ngx_http_gateway_log_compiler_t *compiler,
    ngx_http_gateway_log_member_t **members, ngx_uint_t n, ngx_uint_t depth)
{
    ngx_int_t                       rc;
    ngx_str_t                       name, other;
    ngx_uint_t                      i, k;
    ngx_http_gateway_log_member_t  *member;

    for (i = 0; i < n; i++) {

        member = members[i];

        if (member == NULL) {
            continue;
        }

        if (!ngx_http_gateway_log_part(compiler, member, depth, &name)) {
            rc = ngx_http_gateway_log_group(compiler, members, n, depth,
                                            &name);

        } else {
            for (k = i + 1; k < n && !member->bare; k++) {

                if (members[k] == NULL || members[k]->bare) {
                    continue;
                }

                (void) ngx_http_gateway_log_part(compiler, members[k], depth,
                                                 &other);

                if (ngx_http_gateway_same(&other, &name)) {
                    return ngx_http_gateway_log_clash(compiler, member,
                                                      members[k]);
                }
            }

            rc = ngx_http_gateway_log_value(compiler, member, &name);
            members[i] = NULL;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
