/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The handshake: commands that a new connection sends in one write before the
 * first call.  Calls wait until all of them are answered, so that no call is
 * executed in another database, or by a replica that accepts writes and loses
 * them.
 *
 * All versions of Redis use RESP2 for a connection that does not send HELLO.
 */

#include "ngx_http_gateway_redis_private.h"


static ngx_int_t ngx_http_gateway_redis_ask(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_reply_pt reply, const ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_http_gateway_redis_ask_all(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_ask_auth(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_ask_select(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_ask_script(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script);
static ngx_int_t ngx_http_gateway_redis_auth_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_redis_select_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_redis_name_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_redis_role_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_redis_load_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_redis_refused(
    ngx_http_gateway_redis_connection_t *conn, const char *command,
    const gw_resp_t *reply);
static void ngx_http_gateway_redis_tolerate(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_say_e say, const char *command,
    const gw_resp_t *reply);
static u_char *ngx_http_gateway_redis_loading(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script);


void
ngx_http_gateway_redis_handshake(ngx_http_gateway_peer_t *peer)
{
    ngx_http_gateway_redis_connection_t *conn = peer->data;

    ngx_connection_t  *c;

    c = peer->connection;

    c->data = conn;
    c->read->handler = ngx_http_gateway_redis_read_handler;
    c->write->handler = ngx_http_gateway_redis_write_handler;

    if (ngx_http_gateway_redis_ask_all(conn) != NGX_OK) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "no memory");
        return;
    }

    /* the server may have sent an error before the handshake */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static ngx_int_t
ngx_http_gateway_redis_ask_all(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_str_t                          words[3];
    ngx_uint_t                         i;
    ngx_http_gateway_redis_conf_t     *conf;
    ngx_http_gateway_redis_script_t  **script;

    conf = &conn->redis->conf;

    if (conf->password.len
        && ngx_http_gateway_redis_ask_auth(conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->database
        && ngx_http_gateway_redis_ask_select(conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "CLIENT");
    ngx_str_set(&words[1], "SETNAME");
    ngx_str_set(&words[2], "nginx-gateway");

    if (ngx_http_gateway_redis_ask(conn, ngx_http_gateway_redis_name_reply,
                                   words, 3)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "ROLE");

    if (ngx_http_gateway_redis_ask(conn, ngx_http_gateway_redis_role_reply,
                                   words, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    script = conn->redis->scripts->elts;

    for (i = 0; i < conn->redis->scripts->nelts; i++) {
        if (ngx_http_gateway_redis_ask_script(conn, script[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_ask(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_reply_pt reply, const ngx_str_t *words,
    ngx_uint_t n)
{
    ngx_http_gateway_redis_call_t  *call;

    call = ngx_http_gateway_redis_command(conn->redis, reply, words, n, NULL,
                                          0);
    if (call == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_redis_append(conn, call) != NGX_OK) {
        ngx_http_gateway_redis_free(call);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_ask_auth(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_str_t                       words[3];
    ngx_uint_t                      n;
    ngx_http_gateway_redis_conf_t  *conf;

    conf = &conn->redis->conf;

    n = 0;

    ngx_str_set(&words[n], "AUTH");
    n++;

    if (conf->user.len) {
        words[n++] = conf->user;
    }

    words[n++] = conf->password;

    return ngx_http_gateway_redis_ask(conn, ngx_http_gateway_redis_auth_reply,
                                      words, n);
}


static ngx_int_t
ngx_http_gateway_redis_ask_select(ngx_http_gateway_redis_connection_t *conn)
{
    u_char     number[NGX_INT_T_LEN];
    ngx_str_t  words[2];

    ngx_str_set(&words[0], "SELECT");
    words[1].data = number;
    words[1].len = ngx_sprintf(number, "%i", conn->redis->conf.database)
                   - number;

    return ngx_http_gateway_redis_ask(conn, ngx_http_gateway_redis_select_reply,
                                      words, 2);
}


static ngx_int_t
ngx_http_gateway_redis_ask_script(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script)
{
    ngx_str_t                       words[3];
    ngx_http_gateway_redis_call_t  *call;

    ngx_str_set(&words[0], "SCRIPT");
    ngx_str_set(&words[1], "LOAD");
    words[2] = script->text;

    call = ngx_http_gateway_redis_command(conn->redis,
                                          ngx_http_gateway_redis_load_reply,
                                          words, 3, NULL, 0);
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->script = script;

    if (ngx_http_gateway_redis_append(conn, call) != NGX_OK) {
        ngx_http_gateway_redis_free(call);
        return NGX_ERROR;
    }

    *ngx_http_gateway_redis_loading(conn, script) = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_redis_load(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script)
{
    if (*ngx_http_gateway_redis_loading(conn, script)) {
        return NGX_OK;
    }

    return ngx_http_gateway_redis_ask_script(conn, script);
}


/* the mark of a script; the last mark is for scripts not registered */

static u_char *
ngx_http_gateway_redis_loading(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script)
{
    ngx_uint_t                         i, n;
    ngx_http_gateway_redis_script_t  **s;

    s = conn->redis->scripts->elts;
    n = conn->redis->scripts->nelts;

    for (i = 0; i < n && s[i] != script; i++) { /* void */ }

    return &conn->loading[i];
}


static ngx_int_t
ngx_http_gateway_redis_auth_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    if (reply->type == GW_RESP_ERROR) {
        return ngx_http_gateway_redis_refused(conn, "AUTH", reply);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_select_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    if (reply->type == GW_RESP_ERROR) {
        return ngx_http_gateway_redis_refused(conn, "SELECT", reply);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_name_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    if (reply->type == GW_RESP_ERROR) {

        /* DENIED: protected mode refuses all commands */

        if (reply->error == GW_RESP_BUSY || reply->error == GW_RESP_NOAUTH
            || ngx_strncmp(reply->text, "DENIED", 6) == 0)
        {
            return ngx_http_gateway_redis_refused(conn, "CLIENT SETNAME",
                                                  reply);
        }

        ngx_http_gateway_redis_tolerate(conn,
                                        NGX_HTTP_GATEWAY_REDIS_SAY_SETNAME,
                                        "CLIENT SETNAME", reply);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_role_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    if (reply->type == GW_RESP_ERROR) {

        if ((reply->error != GW_RESP_DENIED && reply->error != GW_RESP_OTHER)
            || ngx_strncmp(reply->text, "DENIED", 6) == 0)
        {
            return ngx_http_gateway_redis_refused(conn, "ROLE", reply);
        }

        ngx_http_gateway_redis_tolerate(conn, NGX_HTTP_GATEWAY_REDIS_SAY_ROLE,
                                        "ROLE", reply);
        return NGX_OK;
    }

    if (reply->type != GW_RESP_ARRAY
        || ngx_strcmp(reply->text, "master") != 0)
    {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY,
                                    "%V is not a master", &conn->peer.address);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_load_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    ngx_http_gateway_redis_script_t  *script;

    script = call->script;

    *ngx_http_gateway_redis_loading(conn, script) = 0;

    if (reply->type == GW_RESP_ERROR) {
        return ngx_http_gateway_redis_refused(conn, "SCRIPT LOAD", reply);
    }

    if (reply->len != sizeof(script->sha)
        || ngx_strncasecmp((u_char *) reply->text, script->sha,
                           sizeof(script->sha))
           != 0)
    {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
                                    "%V has another digest of script \"%s\"",
                                    &conn->peer.address, script->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


const char *
ngx_http_gateway_redis_unanswered(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_uint_t                      i;
    ngx_http_gateway_redis_call_t  *call;

    static const struct {
        ngx_http_gateway_redis_reply_pt   reply;
        const char                       *command;
    } commands[] = {
        { ngx_http_gateway_redis_auth_reply, "AUTH" },
        { ngx_http_gateway_redis_select_reply, "SELECT" },
        { ngx_http_gateway_redis_name_reply, "CLIENT SETNAME" },
        { ngx_http_gateway_redis_role_reply, "ROLE" },
        { ngx_http_gateway_redis_load_reply, "SCRIPT LOAD" }
    };

    if (ngx_queue_empty(&conn->sent)) {
        return NULL;
    }

    call = ngx_queue_data(ngx_queue_head(&conn->sent),
                          ngx_http_gateway_redis_call_t, queue);

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (call->reply == commands[i].reply) {
            return commands[i].command;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_redis_refused(ngx_http_gateway_redis_connection_t *conn,
    const char *command, const gw_resp_t *reply)
{
    ngx_str_t                       words;
    ngx_http_gateway_redis_cause_e  cause;

    switch (reply->error) {

    case GW_RESP_NOAUTH:
    case GW_RESP_DENIED:
        cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED;
        break;

    case GW_RESP_READONLY:
        cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY;
        break;

    default:
        cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST;
        break;
    }

    words = ngx_http_gateway_redis_words(reply);

    ngx_http_gateway_redis_lost(conn, cause, "%V refused %s: \"%V\"",
                                &conn->peer.address, command, &words);
    return NGX_ERROR;
}


static void
ngx_http_gateway_redis_tolerate(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_say_e say, const char *command,
    const gw_resp_t *reply)
{
    ngx_str_t  words;

    if (!ngx_http_gateway_may_say(&conn->redis->sh->said[say],
                                  NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    words = ngx_http_gateway_redis_words(reply);

    ngx_log_error(NGX_LOG_WARN, conn->redis->log, 0,
                  "gateway_redis \"%V\": %V refused %s: \"%V\", ignored",
                  &conn->redis->block.name, &conn->peer.address, command,
                  &words);
}


/*
 * Redis quotes the arguments of an unknown command: if AUTH is renamed, these
 * contain the password.
 */

ngx_str_t
ngx_http_gateway_redis_words(const gw_resp_t *reply)
{
    u_char     *p, *last;
    ngx_str_t   words;

    words.data = (u_char *) reply->text;
    last = words.data + reply->len;

    for (p = words.data; p < last; p++) {

        if (*p < ' ' || *p > '~' || *p == '"' || *p == '`') {
            break;
        }

        /* the apostrophe of "can't" is no quote */

        if (*p == '\'' && (p == words.data || p[-1] < 'A')) {
            break;
        }
    }

    while (p > words.data && (p[-1] == ' ' || p[-1] == ',')) {
        p--;
    }

    words.len = p - words.data;

    return words;
}
