/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Access records as JSON: formats, records and sinks.
 *
 * A format is compiled, when the configuration has been read, into an array of
 * operations.  A record is written by running them over a buffer of the worker;
 * its bytes are then copied to the sinks, each of which has a buffer of its
 * own.  Nothing is allocated in a request, and nothing suspends one.
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

/* what an operation needs beside its texts: numbers, times, quotes */
#define NGX_HTTP_GATEWAY_LOG_ROOM    64

/* bytes of the value of a field that is a number: in this room, with quotes */
#define NGX_HTTP_GATEWAY_LOG_VALUE_SIZE  (NGX_HTTP_GATEWAY_LOG_ROOM - 2)

/* behind the room of a record: constants may pass its end before that shows */
#define NGX_HTTP_GATEWAY_LOG_SLACK   512

/* literals and keys are copied by blocks: their memory ends with a whole one */
#define NGX_HTTP_GATEWAY_LOG_BLOCK   16

#define NGX_HTTP_GATEWAY_LOG_DEPTH   16         /* of nested objects */

#define NGX_HTTP_GATEWAY_LOG_IDS     2          /* by which is sampled */


typedef struct ngx_http_gateway_log_op_s  ngx_http_gateway_log_op_t;
typedef struct ngx_http_gateway_log_format_s  ngx_http_gateway_log_format_t;


/* a record that is being written */

typedef struct {
    ngx_http_request_t                   *request;
    ngx_http_gateway_request_t           *gr;       /* or NULL */
    const ngx_http_gateway_log_format_t  *format;

    ngx_uint_t                            status;   /* 0: there is none */
    const ngx_str_t                      *rate;     /* of sampling; "": 1 */

    u_char                               *last;     /* of the room */
    size_t                                string;   /* most bytes of one */
    u_char                               *lines;    /* the worker's room for all
                                                       lines of a header */
    ngx_uint_t                            misfits;  /* fields left out, as they
                                                       do not fit their type */
    unsigned                              traced:1; /* has a trace id */
    unsigned                              relayed:1; /* realip has changed the
                                                       client's address */
    unsigned                              bare:1;   /* no captured headers */
    unsigned                              cut;      /* something is missing */
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
    NGX_HTTP_GATEWAY_LOG_OPEN,          /* of an object that may be empty */
    NGX_HTTP_GATEWAY_LOG_CLOSE,         /* of such a one */
    NGX_HTTP_GATEWAY_LOG_CLOSE_SURE     /* of one that is never empty */
} ngx_http_gateway_log_op_e;


struct ngx_http_gateway_log_op_s {
    ngx_http_gateway_log_op_e             kind;
    ngx_str_t                             literal;  /* always written */
    ngx_str_t                             key;      /* if there is a value */
    ngx_http_gateway_log_write_pt         write;
    uintptr_t                             data;     /* the writer's */
};


/* presets */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_NATIVE = 0,
    NGX_HTTP_GATEWAY_LOG_ECS,
    NGX_HTTP_GATEWAY_LOG_OTEL,
    NGX_HTTP_GATEWAY_LOG_GCP,
    NGX_HTTP_GATEWAY_LOG_NONE,          /* the last: no format by itself */
    NGX_HTTP_GATEWAY_LOG_PRESETS
} ngx_http_gateway_log_preset_e;


/*
 * A row of a preset.  A constant has no writer, and JSON in "constant".  A row
 * with a variable is left out if nginx has no such variable.
 */

typedef struct {
    ngx_str_t                             path;
    ngx_http_gateway_log_write_pt         write;
    uintptr_t                             data;
    ngx_str_t                             constant;
    ngx_str_t                             variable;
    unsigned                              sure:1;   /* always has a value */
    unsigned                              whole:1;  /* dots make no objects */
} ngx_http_gateway_log_row_t;


typedef struct {
    ngx_str_t                             name;
    const ngx_http_gateway_log_row_t     *rows;
    unsigned                              nested:1; /* dots make objects */
    ngx_str_t                             prefix;   /* of request headers */
    ngx_str_t                             sent;     /* of response headers */
    unsigned                              lists:1;  /* headers are arrays */
    ngx_uint_t                            observes; /* what core must keep for
                                                       the rows: bits */
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
 * Writes the value of a variable of nginx without its quotes, as the variable's
 * getter would make it; NULL: the getter must be asked.
 */
typedef u_char *(*ngx_http_gateway_log_direct_pt)(
    ngx_http_gateway_log_record_t *rec, u_char *p);


typedef struct {
    ngx_str_t                             path;
    ngx_str_t                             value;
    ngx_uint_t                            type;
    ngx_http_gateway_place_t              place;
    ngx_array_t                           pieces;   /* piece_t */

    /* of a value that is one variable, which is written without its getter */

    ngx_int_t                             index;
    ngx_http_gateway_log_direct_pt        direct;
} ngx_http_gateway_log_field_t;


/* a header to capture, or all that begin with the name */

typedef struct {
    ngx_str_t                             name;     /* normalized */
    unsigned                              prefix:1;
    unsigned                              taken:1;  /* by another member: never
                                                       captured */
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
                                                       names of headers */
    ngx_array_t                           names;    /* gw_text_t: of secrets */
    gw_log_secrets_t                      secrets;  /* these */

    ngx_uint_t                            v4;       /* bits of client_ip */
    ngx_uint_t                            v6;
    ngx_uint_t                            masked;   /* unsigned:1 */

    ngx_array_t                           ops;      /* op_t */
    ngx_str_t                             tail;     /* literal behind them */
};


/* ngx_http_gateway_log_sink.c */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_FULL = 0,      /* the buffer is; the sink takes none */
    NGX_HTTP_GATEWAY_LOG_SIZE,          /* the record does not fit any write */
    NGX_HTTP_GATEWAY_LOG_EXIT,          /* the sink took none at exit */
    NGX_HTTP_GATEWAY_LOG_LOST,          /* by a worker that was killed */
    NGX_HTTP_GATEWAY_LOG_REASONS
} ngx_http_gateway_log_reason_e;


/* a kind of sinks: its functions */

typedef struct ngx_http_gateway_log_sink_s  ngx_http_gateway_log_sink_t;

typedef struct {
    size_t       memory;    /* bytes of what the kind has for a sink */
    const char  *full;      /* why records are dropped */

    /* the full name of a sink, as it is in the log; NULL: as configured */
    ngx_int_t  (*name)(ngx_conf_t *cf, ngx_str_t *name);

    /* NGX_ERROR after an [emerg]; NULL: there is nothing to open */
    ngx_int_t  (*open)(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink);

    /* postconfiguration; NGX_ERROR after an [emerg] */
    ngx_int_t  (*init)(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink);

    /* whether it writes to this file; NULL: it has none */
    ngx_uint_t  (*is)(ngx_http_gateway_log_sink_t *sink,
                      const ngx_open_file_t *open);

    /* copies a record, which was counted as made, and sees to its end */
    void  (*write)(ngx_http_gateway_log_sink_t *sink, ngx_str_t *record);

    /* writes what it can, drops the rest, and leaves no event */
    void  (*stop)(ngx_http_gateway_log_sink_t *sink);
} ngx_http_gateway_log_kind_t;


extern const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_file_kind;
extern const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_syslog_kind;


/* the first member of what a kind has for each sink */

struct ngx_http_gateway_log_sink_s {
    ngx_str_t                             name;     /* full */
    ngx_http_gateway_place_t              place;
    const ngx_http_gateway_log_kind_t    *kind;
    size_t                                size;     /* buffer= */
    ngx_msec_t                            flush;
    size_t                                record;   /* most bytes of one */

    ngx_http_gateway_counter_t           *made;
    ngx_http_gateway_counter_t           *written;
    ngx_http_gateway_counter_t           *queued;   /* bytes */
    ngx_http_gateway_counter_t           *dropped[NGX_HTTP_GATEWAY_LOG_REASONS];
    ngx_http_gateway_counter_t           *unconfirmed;  /* of those written;
                                                       NULL: not counted */

    ngx_http_gateway_counter_t           *said;     /* when losses were logged
                                                       last */
    ngx_http_gateway_counter_t           *reported; /* how many by then */

    unsigned                              off:1;    /* no record is made */
};


typedef struct {
    ngx_array_t                           formats;  /* format_t * */
    ngx_array_t                           sinks;    /* sink_t * */
    ngx_array_t                           syslogs;  /* syslog_conf_t * */
    u_char                               *record;   /* the worker's buffer,
                                                       with its slack */
    u_char                               *lines;    /* the worker's, of
                                                       NGX_HTTP_GATEWAY_LOG_
                                                       RECORD bytes */
    ngx_http_gateway_counter_t           *misfits;
    ngx_int_t                             ids[NGX_HTTP_GATEWAY_LOG_IDS];
                                                    /* variables to sample by;
                                                       NGX_DECLINED: none */
} ngx_http_gateway_log_main_conf_t;


/*
 * Configuration: the sink of a path, the same one for equal paths.  NULL after
 * an [emerg].
 */
ngx_http_gateway_log_sink_t *ngx_http_gateway_log_sink(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf,
    const ngx_http_gateway_log_kind_t *kind, ngx_str_t *path, size_t size,
    ngx_msec_t flush);

/* the same, while locations are merged: refuses sinks that error_log uses */
char *ngx_http_gateway_log_sink_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_log_t *log);

/* an [emerg]: another directive uses the file of a sink; NGX_ERROR */
ngx_int_t ngx_http_gateway_log_sink_used(ngx_http_gateway_log_sink_t *sink,
    ngx_log_t *log);

/* for postconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_log_sinks_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* writes what it can, drops the rest; later records are not made */
void ngx_http_gateway_log_sinks_stop(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* logs the counters */
void ngx_http_gateway_log_sinks_report(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf);

/*
 * A record with its line end, which is copied; an empty one is counted as too
 * long for the sink.
 */
void ngx_http_gateway_log_sink_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record);

/* for kinds: a counter of the sink; NULL: an [emerg], or no memory */
ngx_http_gateway_counter_t *ngx_http_gateway_log_sink_counter(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink,
    const ngx_http_gateway_family_t *family);

/* for kinds: counts records that are lost, and logs it */
void ngx_http_gateway_log_sink_drop(ngx_http_gateway_log_sink_t *sink,
    ngx_http_gateway_log_reason_e reason, ngx_uint_t n);

/*
 * The line of it, once a minute: how many records all workers have lost since
 * the last one, and why the last of them.
 */
void ngx_http_gateway_log_sink_say(ngx_http_gateway_log_sink_t *sink,
    const char *why);

/* whether a line may be logged; "said" is a word (ngx_http_gateway_say.h) */
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

/* a declared format or a preset; NULL: there is none, or no memory */
ngx_http_gateway_log_format_t *ngx_http_gateway_log_format(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *name);


/* what a source of credentials holds is not shown; NGX_ERROR as below */
ngx_int_t ngx_http_gateway_log_format_credential(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, ngx_http_gateway_source_t *source);

/* whether a header, by its normalized name, is never shown */
ngx_uint_t ngx_http_gateway_log_hidden(
    const ngx_http_gateway_log_format_t *format, const ngx_str_t *name);


/* what a format says of exactly this header; NULL: nothing */
ngx_http_gateway_log_header_t *ngx_http_gateway_log_header_named(
    const ngx_array_t *headers, const ngx_str_t *name);


/* ngx_http_gateway_log_check.c */

/*
 * For postconfiguration: refuses credentials and duplicate names, and notes in
 * the format which headers belong to other members.  NGX_ERROR after an
 * [emerg], or no memory.
 */
ngx_int_t ngx_http_gateway_log_format_check(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format);

/* an [emerg]: the format has another member of this name; NGX_ERROR */
ngx_int_t ngx_http_gateway_log_format_duplicate(ngx_conf_t *cf,
    const ngx_http_gateway_log_format_t *format,
    const ngx_http_gateway_log_field_t *field);

/* 2: the last member of a record; 1: in the object "gateway"; 0: any other */
ngx_uint_t ngx_http_gateway_log_path_rank(const ngx_str_t *path);


/* ngx_http_gateway_log_compile.c */

/* for postconfiguration; NGX_ERROR after an [emerg], or no memory */
ngx_int_t ngx_http_gateway_log_compile(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format);

/*
 * For postconfiguration: the index of a variable; NGX_DECLINED: this nginx has
 * none of the name.
 */
ngx_int_t ngx_http_gateway_log_known(ngx_conf_t *cf, const ngx_str_t *name);


/* ngx_http_gateway_log_record.c */

/*
 * Writes a record of at most "size" bytes, its line end included, to "buf",
 * which has NGX_HTTP_GATEWAY_LOG_SLACK bytes more.  NGX_DECLINED: it cannot be
 * made so short.  The caller sets request, gr, format, status, rate and lines
 * of "rec".
 */
ngx_int_t ngx_http_gateway_log_record(ngx_http_gateway_log_record_t *rec,
    u_char *buf, size_t size, ngx_str_t *record);

/* quotes and text; NULL where it is empty */
u_char *ngx_http_gateway_log_text(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);

/* the same without secrets */
u_char *ngx_http_gateway_log_redacted(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);

/* what both write between the quotes, which may be nothing */
u_char *ngx_http_gateway_log_inner(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);
u_char *ngx_http_gateway_log_inner_redacted(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len);


/* ngx_http_gateway_log_field_conf.c: "field" in a gateway_log_format block */

char *ngx_http_gateway_log_field_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_log_field.c */

/* whether a value that is not empty fits the type of a field */
ngx_uint_t ngx_http_gateway_log_fits(
    const ngx_http_gateway_log_field_t *field, const gw_text_t *text);

/* the writer of a field, and its data, which is the field or an index */
ngx_http_gateway_log_write_pt ngx_http_gateway_log_field_init(
    ngx_http_gateway_log_field_t *field, uintptr_t *data);


/*
 * ngx_http_gateway_log_capture.c: all captured headers, with their names, of
 * the response if "data" is 1
 */

u_char *ngx_http_gateway_log_headers(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p);


#endif /* _NGX_HTTP_GATEWAY_LOG_H_INCLUDED_ */
