/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Access records as JSON: formats, records and sinks.
 *
 * When the configuration has been read, each format is compiled into an array
 * of operations.  They write a record to a buffer of the worker.  The record is
 * then copied to the sinks, each of which has its own buffer.  The module
 * allocates no memory for a request and never suspends one.
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counter.h"
#include "ngx_http_gateway_observe.h"
#include "gw_log_json.h"
#include "gw_log_redact.h"


extern ngx_module_t  ngx_http_gateway_log_module;


/* bytes */
#define NGX_HTTP_GATEWAY_LOG_RECORD  32768      /* with its line end */
#define NGX_HTTP_GATEWAY_LOG_STRING  8192
#define NGX_HTTP_GATEWAY_LOG_PIPE    4096       /* PIPE_BUF */

/* bytes that an operation needs besides strings: numbers, times, quotes */
#define NGX_HTTP_GATEWAY_LOG_ROOM    64

/* bytes of a field that is a number: fits this room, with quotes */
#define NGX_HTTP_GATEWAY_LOG_VALUE_SIZE  (NGX_HTTP_GATEWAY_LOG_ROOM - 2)

/*
 * Bytes behind the room of a record: an array writes the constants of an
 * element before it checks whether there is room.
 */
#define NGX_HTTP_GATEWAY_LOG_SLACK   512

/* literals and keys are copied in blocks: their memory is padded to a block */
#define NGX_HTTP_GATEWAY_LOG_BLOCK   16

#define NGX_HTTP_GATEWAY_LOG_DEPTH   16         /* of nested objects */

#define NGX_HTTP_GATEWAY_LOG_IDS     2          /* variables to sample by */


typedef struct ngx_http_gateway_log_op_s  ngx_http_gateway_log_op_t;
typedef struct ngx_http_gateway_log_format_s  ngx_http_gateway_log_format_t;


/* the record that is being written */

typedef struct {
    ngx_http_request_t                   *request;
    ngx_http_gateway_request_t           *gr;       /* or NULL */
    const ngx_http_gateway_log_format_t  *format;

    ngx_uint_t                            status;   /* 0: none */
    const ngx_str_t                      *rate;     /* sample=; empty: 1 */

    u_char                               *last;     /* end of the room */
    size_t                                string;   /* maximum length of a
                                                       string */
    u_char                               *lines;    /* the worker's buffer to
                                                       join header lines in */
    ngx_uint_t                            misfits;  /* fields left out: their
                                                       type does not fit */
    unsigned                              traced:1; /* has a trace id */
    unsigned                              relayed:1; /* realip has replaced
                                                        the address */
    unsigned                              bare:1;   /* no captured headers */
    unsigned                              cut;      /* a part is missing */
    unsigned                              full:1;   /* the room is too small */
} ngx_http_gateway_log_record_t;


/*
 * Writes a value to p, where NGX_HTTP_GATEWAY_LOG_ROOM bytes are free; returns
 * its end, or NULL if there is none.
 */
typedef u_char *ngx_http_gateway_log_write_t(
    ngx_http_gateway_log_record_t *rec, const ngx_http_gateway_log_op_t *op,
    u_char *p);

typedef ngx_http_gateway_log_write_t  *ngx_http_gateway_log_write_pt;


typedef enum {
    NGX_HTTP_GATEWAY_LOG_VALUE = 0,
    NGX_HTTP_GATEWAY_LOG_OPEN,          /* an object that can be empty */
    NGX_HTTP_GATEWAY_LOG_CLOSE,         /* the same */
    NGX_HTTP_GATEWAY_LOG_CLOSE_SURE     /* an object that is never empty */
} ngx_http_gateway_log_op_e;


struct ngx_http_gateway_log_op_s {
    ngx_http_gateway_log_op_e             kind;
    ngx_str_t                             literal;  /* always written */
    ngx_str_t                             key;      /* written if there is a
                                                       value */
    ngx_http_gateway_log_write_pt         write;
    uintptr_t                             data;     /* for the writer */
};


/* presets */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_NATIVE = 0,
    NGX_HTTP_GATEWAY_LOG_ECS,
    NGX_HTTP_GATEWAY_LOG_OTEL,
    NGX_HTTP_GATEWAY_LOG_GCP,
    NGX_HTTP_GATEWAY_LOG_NONE,          /* last; not a format by itself */
    NGX_HTTP_GATEWAY_LOG_PRESETS
} ngx_http_gateway_log_preset_e;


/*
 * A member of a preset: either the JSON text of a constant, or a writer.  A row
 * with a variable is left out if nginx does not have the variable.
 */

typedef struct {
    ngx_str_t                             path;
    ngx_http_gateway_log_write_pt         write;
    uintptr_t                             data;
    ngx_str_t                             constant;
    ngx_str_t                             variable;
    unsigned                              sure:1;   /* always has a value */
    unsigned                              whole:1;  /* a dot begins no object */
} ngx_http_gateway_log_row_t;


typedef struct {
    const ngx_http_gateway_log_row_t     *rows;
    unsigned                              nested:1; /* a dot begins an object */
    ngx_str_t                             prefix;   /* of request headers */
    ngx_str_t                             sent;     /* of response headers */
    unsigned                              lists:1;  /* headers are arrays */
    ngx_uint_t                            observes; /* NGX_HTTP_GATEWAY_OBSERVE_
                                                       bits for the rows */
} ngx_http_gateway_log_vocabulary_t;


extern const ngx_http_gateway_log_vocabulary_t
    ngx_http_gateway_log_vocabularies[];


/* the value of a field: literal texts and variables in turn */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_TYPE_STRING = 0,
    NGX_HTTP_GATEWAY_LOG_TYPE_INT,
    NGX_HTTP_GATEWAY_LOG_TYPE_NUMBER,
    NGX_HTTP_GATEWAY_LOG_TYPE_BOOL
} ngx_http_gateway_log_type_e;


typedef struct {
    ngx_str_t                             text;
    ngx_int_t                             index;    /* NGX_ERROR: a literal */
} ngx_http_gateway_log_piece_t;


/*
 * Writes the value of an nginx variable without quotes, as the getter of the
 * variable would make it.  NULL: the getter must be called.
 */
typedef u_char *(*ngx_http_gateway_log_direct_pt)(
    ngx_http_gateway_log_record_t *rec, u_char *p);


typedef struct {
    ngx_str_t                             path;
    ngx_str_t                             value;
    ngx_uint_t                            type;
    ngx_http_gateway_place_t              place;
    ngx_array_t                           pieces;   /* piece_t */

    /* set if the value is a single variable that is written without getter */

    ngx_int_t                             index;
    ngx_http_gateway_log_direct_pt        direct;
} ngx_http_gateway_log_field_t;


/* a header to capture, or a prefix of names */

typedef struct {
    ngx_str_t                             name;     /* normalized */
    unsigned                              prefix:1;
    unsigned                              taken:1;  /* another member has its
                                                       key: not captured */
    ngx_http_gateway_place_t              place;
} ngx_http_gateway_log_header_t;


struct ngx_http_gateway_log_format_s {
    ngx_str_t                             name;
    ngx_http_gateway_place_t              place;
    ngx_uint_t                            used;     /* unsigned:1; by a
                                                       "gateway_log" */
    ngx_uint_t                            preset;
    ngx_str_t                             project;  /* for gcp */

    ngx_array_t                           fields;   /* field_t */
    ngx_array_t                           request;  /* header_t */
    ngx_array_t                           response;
    ngx_array_t                           hidden;   /* ngx_str_t: normalized
                                                       names of headers that
                                                       are never logged */
    ngx_array_t                           names;    /* gw_text_t: parameters
                                                       that are redacted */
    gw_log_secrets_t                      secrets;  /* the same */

    ngx_uint_t                            v4;       /* bits of client_ip */
    ngx_uint_t                            v6;
    ngx_uint_t                            masked;   /* unsigned:1 */

    ngx_array_t                           ops;      /* op_t */
    ngx_str_t                             tail;     /* literal after the last */
};


/* ngx_http_gateway_log_sink.c */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_FULL = 0,      /* the buffer or the queue is full */
    NGX_HTTP_GATEWAY_LOG_SIZE,          /* the record is too long */
    NGX_HTTP_GATEWAY_LOG_EXIT,          /* not written before the exit */
    NGX_HTTP_GATEWAY_LOG_LOST,          /* the worker was killed */
    NGX_HTTP_GATEWAY_LOG_REASONS
} ngx_http_gateway_log_reason_e;


/* a kind of sinks: its functions */

typedef struct ngx_http_gateway_log_sink_s  ngx_http_gateway_log_sink_t;

typedef struct {
    size_t       memory;    /* size of the structure of a sink */
    const char  *full;      /* log text for NGX_HTTP_GATEWAY_LOG_FULL */

    /* makes a configured name the full name; NULL: they are the same */
    ngx_int_t  (*name)(ngx_conf_t *cf, ngx_str_t *name);

    /* NGX_ERROR after an [emerg]; NULL: nothing to open */
    ngx_int_t  (*open)(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink);

    /* postconfiguration; NGX_ERROR after an [emerg] */
    ngx_int_t  (*init)(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink);

    /* whether the sink writes to this file; NULL: never */
    ngx_uint_t  (*is)(ngx_http_gateway_log_sink_t *sink,
                      const ngx_open_file_t *open);

    /* copies a record that was counted as made; counts what becomes of it */
    void  (*write)(ngx_http_gateway_log_sink_t *sink, ngx_str_t *record);

    /* writes what the sink takes, drops the rest, and deletes all events */
    void  (*stop)(ngx_http_gateway_log_sink_t *sink);
} ngx_http_gateway_log_kind_t;


extern const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_file_kind;
extern const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_syslog_kind;


/* the first member of each kind's structure of a sink */

struct ngx_http_gateway_log_sink_s {
    ngx_str_t                             name;     /* full name */
    ngx_http_gateway_place_t              place;
    const ngx_http_gateway_log_kind_t    *kind;
    size_t                                size;     /* buffer= */
    ngx_msec_t                            flush;
    size_t                                record;   /* maximum length of a
                                                       record */

    ngx_http_gateway_counter_t           *made;
    ngx_http_gateway_counter_t           *written;
    ngx_http_gateway_counter_t           *queued;   /* bytes */
    ngx_http_gateway_counter_t           *dropped[NGX_HTTP_GATEWAY_LOG_REASONS];
    ngx_http_gateway_counter_t           *unconfirmed;  /* NULL: not counted */

    ngx_http_gateway_counter_t           *said;     /* time when losses were
                                                       last logged */
    ngx_http_gateway_counter_t           *reported; /* losses at this time */

    unsigned                              off:1;    /* makes no records */
};


typedef struct {
    ngx_array_t                           formats;  /* format_t * */
    ngx_array_t                           sinks;    /* sink_t * */
    ngx_array_t                           syslogs;  /* syslog_conf_t * */
    u_char                               *record;   /* the worker's buffers, of
                                                       NGX_HTTP_GATEWAY_LOG_
                                                       RECORD bytes; this one
                                                       and _LOG_SLACK more */
    u_char                               *lines;
    ngx_http_gateway_counter_t           *misfits;
    ngx_int_t                             ids[NGX_HTTP_GATEWAY_LOG_IDS];
                                                    /* indexes of variables;
                                                       NGX_DECLINED: unknown */
} ngx_http_gateway_log_main_conf_t;


/*
 * Configuration: the sink of a path; equal paths have the same sink.  NULL: no
 * memory, or after an [emerg].
 */
ngx_http_gateway_log_sink_t *ngx_http_gateway_log_sink(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf,
    const ngx_http_gateway_log_kind_t *kind, ngx_str_t *path, size_t size,
    ngx_msec_t flush);

/*
 * For the merge of locations: NGX_CONF_ERROR after an [emerg] if "log", an
 * error_log, writes to the file of a sink.
 */
char *ngx_http_gateway_log_sink_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_log_t *log);

/* logs at [emerg] that another directive uses the file; returns NGX_ERROR */
ngx_int_t ngx_http_gateway_log_sink_used(ngx_http_gateway_log_sink_t *sink,
    ngx_log_t *log);

/* for postconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_log_sinks_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* the word of a reason in reports and labels */
ngx_str_t ngx_http_gateway_log_reason_word(
    ngx_http_gateway_log_reason_e reason);

/*
 * ngx_http_gateway_log_count.c, in postconfiguration: registers what sinks
 * count for metrics; NGX_ERROR: no memory
 */
ngx_int_t ngx_http_gateway_log_count_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* writes what the sinks take, drops the rest; later records are not made */
void ngx_http_gateway_log_sinks_stop(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* logs the counters */
void ngx_http_gateway_log_sinks_report(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf);

/*
 * Copies a record, with its line end, to a sink.  An empty one is counted as
 * too long for the sink.
 */
void ngx_http_gateway_log_sink_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record);

/* for kinds: a counter of the sink; NULL: an [emerg], or no memory */
ngx_http_gateway_counter_t *ngx_http_gateway_log_sink_counter(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink,
    const ngx_http_gateway_family_t *family);

/* for kinds: counts lost records, and logs the loss */
void ngx_http_gateway_log_sink_drop(ngx_http_gateway_log_sink_t *sink,
    ngx_http_gateway_log_reason_e reason, ngx_uint_t n);

/*
 * Logs, once a minute, how many records all workers have lost since the last
 * report; "why" is the reason of the last loss.
 */
void ngx_http_gateway_log_sink_say(ngx_http_gateway_log_sink_t *sink,
    const char *why);

/* ngx_http_gateway_may_say() for the word "said" */
ngx_uint_t ngx_http_gateway_log_may_say(
    const ngx_http_gateway_counter_t *said);


/* ngx_http_gateway_log_syslog_conf.c: the block gateway_log_syslog */

char *ngx_http_gateway_log_syslog_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* for postconfiguration, after the sinks; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_log_syslogs_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf);


/* ngx_http_gateway_log_format.c: the block gateway_log_format */

char *ngx_http_gateway_log_format_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a declared format or a preset; NULL: no memory, or after an [emerg] */
ngx_http_gateway_log_format_t *ngx_http_gateway_log_format(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *name);

/*
 * Hides what the configuration reads a credential from.  NGX_ERROR: no memory,
 * or after an [emerg].
 */
ngx_int_t ngx_http_gateway_log_format_credential(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, ngx_http_gateway_source_t *source);

/* whether the header of a normalized name is never logged */
ngx_uint_t ngx_http_gateway_log_hidden(
    const ngx_http_gateway_log_format_t *format, const ngx_str_t *name);

/* the entry of exactly this header, not of a prefix; NULL: none */
ngx_http_gateway_log_header_t *ngx_http_gateway_log_header_named(
    const ngx_array_t *headers, const ngx_str_t *name);


/* ngx_http_gateway_log_check.c */

/*
 * For postconfiguration: refuses members that would show a credential and
 * duplicate names, and marks headers whose key another member has.  NGX_ERROR:
 * no memory, or after an [emerg].
 */
ngx_int_t ngx_http_gateway_log_format_check(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format);

/* logs at [emerg] that the name of a field is duplicate; returns NGX_ERROR */
ngx_int_t ngx_http_gateway_log_format_duplicate(ngx_conf_t *cf,
    const ngx_http_gateway_log_format_t *format,
    const ngx_http_gateway_log_field_t *field);

/* 2: the last member of a record; 1: in the object "gateway"; 0: any other */
ngx_uint_t ngx_http_gateway_log_path_rank(const ngx_str_t *path);


/* ngx_http_gateway_log_compile.c */

/* for postconfiguration; NGX_ERROR: no memory, or after an [emerg] */
ngx_int_t ngx_http_gateway_log_compile(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format);

/* for postconfiguration: the index of a variable; NGX_DECLINED: unknown */
ngx_int_t ngx_http_gateway_log_known(ngx_conf_t *cf, const ngx_str_t *name);


/* ngx_http_gateway_log_record.c */

/*
 * Writes a record of at most "size" bytes, with its line end, to "buf", which
 * must have NGX_HTTP_GATEWAY_LOG_SLACK bytes more.  NGX_DECLINED: the record
 * cannot be made so short.  The caller sets request, gr, format, status, rate
 * and lines of "rec".
 */
ngx_int_t ngx_http_gateway_log_record(ngx_http_gateway_log_record_t *rec,
    u_char *buf, size_t size, ngx_str_t *record);

/* a text in quotes; NULL: the text is empty */
u_char *ngx_http_gateway_log_text(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);

/* the same, with secrets redacted */
u_char *ngx_http_gateway_log_redacted(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);

/* the same two without quotes; the text can be empty */
u_char *ngx_http_gateway_log_inner(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);
u_char *ngx_http_gateway_log_inner_redacted(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);


/* ngx_http_gateway_log_field_conf.c: "field" in a gateway_log_format block */

char *ngx_http_gateway_log_field_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_log_field.c */

/* whether a non-empty value fits the type of a field */
ngx_uint_t ngx_http_gateway_log_fits(
    const ngx_http_gateway_log_field_t *field, const gw_text_t *text);

/* the writer of a field; "data" receives what the writer needs */
ngx_http_gateway_log_write_pt ngx_http_gateway_log_field_init(
    ngx_http_gateway_log_field_t *field, uintptr_t *data);


/*
 * ngx_http_gateway_log_capture.c: all captured headers, with their keys; of the
 * request if "data" is 0, of the response if it is 1
 */

u_char *ngx_http_gateway_log_headers(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p);


#endif /* _NGX_HTTP_GATEWAY_LOG_H_INCLUDED_ */
