/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redaction of queries and URLs: see gw_log_redact.h.
 *
 * The text is split into pieces at separators.  A piece is the name of a
 * parameter if "=" follows it, in the URL itself or in another URL inside of a
 * value.  The depth of the encoding of "=" determines where the value ends.
 */

#include <string.h>

#include "gw_log_redact.h"


/* gw_log_read(): an invalid or ambiguous escape */
#define GW_LOG_BAD      (-1)


/* the text up to a separator */

typedef struct {
    const unsigned char  *next;     /* after the separator */
    int                   by;       /* the separator; 0: end of the text */
    unsigned              depth;    /* of its encoding */

    int                   bad;      /* has a byte that is GW_LOG_BAD */
    int                   empty;    /* has only bytes that browsers remove */
    int                   open;     /* ends inside of brackets */
    int                   secret;   /* the name, or a word, is in the set */

    const unsigned char  *colon;    /* after "scheme:"; NULL: no scheme */
    unsigned              colons;   /* depth of the encoding of ":" */

    int                   both;     /* names[1] is used */
    gw_log_name_t         names[2]; /* [1]: without the bytes that browsers
                                       remove */
} gw_log_piece_t;


static int
gw_log_digit(const unsigned char *p, const unsigned char *last)
{
    int  c;

    if (p >= last) {
        return -1;
    }

    c = *p;

    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


static int
gw_log_byte(const unsigned char *p, const unsigned char *last)
{
    int  high, low;

    high = gw_log_digit(p, last);
    low = gw_log_digit(p + 1, last);

    return (high < 0 || low < 0) ? -1 : high * 16 + low;
}


/* whether the "%" before "p" can begin another escape */

static int
gw_log_goes_on(const unsigned char *p, const unsigned char *last)
{
    int            next;
    unsigned char  c;

    if (p == last || *p != '%') {
        return gw_log_digit(p, last) >= 0;
    }

    next = gw_log_byte(p + 1, last);
    c = (unsigned char) next;

    return next < 0 || c == '%' || gw_log_digit(&c, &c + 1) >= 0;
}


/* whether a byte and the one that follows begin an overlong form of UTF-8 */

static int
gw_log_overlong(int c, const unsigned char *p, const unsigned char *last)
{
    int  next;

    if (c == 0xc0 || c == 0xc1) {
        return 1;
    }

    if ((c != 0xe0 && c != 0xf0) || p == last) {
        return 0;
    }

    next = *p;

    while (next == '%') {
        next = gw_log_byte(p + 1, last);
        p += 2;
    }

    return next >= 0x80 && next < (c == 0xe0 ? 0xa0 : 0x90);
}


/*
 * Reads a byte that is encoded at any depth: "&" has the depth 0, "%26" 1,
 * "%2526" 2.  A "%" that is followed by a hexadecimal digit, encoded or not, is
 * GW_LOG_BAD: a parser that decodes "%25%32%36" twice reads "&".
 */

static int
gw_log_read(const unsigned char **pos, const unsigned char *last,
    unsigned *depth)
{
    int                   c, next;
    const unsigned char  *p;

    p = *pos;
    *depth = 0;

    if (*p != '%') {
        *pos = p + 1;

        return gw_log_overlong(*p, p + 1, last) ? GW_LOG_BAD : *p;
    }

    c = '%';

    while (c == '%') {
        next = gw_log_byte(p + 1, last);

        if (next < 0) {
            break;
        }

        (*depth)++;
        c = next;
        p += 2;
    }

    *pos = ++p;

    if (*depth == 0 || gw_log_overlong(c, p, last)) {
        return GW_LOG_BAD;
    }

    return (c == '%' && gw_log_goes_on(p, last)) ? GW_LOG_BAD : c;
}


static int
gw_log_separates(int c)
{
    return c == '&' || c == ';' || c == '?' || c == '#' || c == '/'
           || c == '\\' || c == '=' || c == '@';
}


/* bytes that browsers remove from a URL before they parse it */

static int
gw_log_dropped(int c)
{
    return c == '\t' || c == '\r' || c == '\n';
}


/* whether the name is a scheme after which browsers do not require "//" */

static int
gw_log_scheme(const gw_log_name_t *name)
{
    size_t  i;

    static const char  *schemes[] = {
        "http", "https", "ftp", "ws", "wss", NULL
    };

    for (i = 0; schemes[i]; i++) {
        if (strlen(schemes[i]) == name->word
            && memcmp(schemes[i], name->words, name->word) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* adds a byte that is not a separator; "p" is after it */

static void
gw_log_add(const gw_log_secrets_t *secrets, gw_log_piece_t *piece, int c,
    unsigned depth, const unsigned char *p)
{
    if (gw_log_dropped(c)) {

        if (!piece->both) {
            piece->names[1] = piece->names[0];
            piece->both = 1;
        }

        gw_log_name_add(secrets, &piece->names[0], c);
        return;
    }

    if (c == ':' && piece->colon == NULL
        && gw_log_scheme(&piece->names[piece->both]))
    {
        piece->colon = p;
        piece->colons = depth;
    }

    piece->empty = 0;
    piece->open = (c == '[') || (c != ']' && piece->open);
    gw_log_name_add(secrets, &piece->names[0], c);

    if (piece->both) {
        gw_log_name_add(secrets, &piece->names[1], c);
    }
}


static void
gw_log_piece_init(const gw_log_redact_t *walk, gw_log_piece_t *piece)
{
    piece->by = 0;
    piece->depth = 0;
    piece->bad = 0;
    piece->empty = 1;
    piece->open = walk->open;
    piece->secret = walk->secret;
    piece->colon = NULL;
    piece->both = 0;

    gw_log_name_init(&piece->names[0]);
}


static void
gw_log_piece(const gw_log_redact_t *walk, gw_log_piece_t *piece)
{
    int                   c;
    unsigned              depth;
    const unsigned char  *p;

    gw_log_piece_init(walk, piece);

    p = walk->p;

    while (p < walk->last) {
        c = gw_log_read(&p, walk->last, &depth);

        if (c == GW_LOG_BAD) {
            piece->bad = 1;
            piece->empty = 0;

        } else if (gw_log_separates(c)) {
            piece->by = c;
            piece->depth = depth;
            break;

        } else {
            gw_log_add(walk->secrets, piece, c, depth, p);
        }
    }

    piece->next = p;

    piece->secret |= gw_log_name_end(walk->secrets, &piece->names[0]);

    if (piece->both) {
        piece->secret |= gw_log_name_end(walk->secrets, &piece->names[1]);
    }
}


/* whether a parameter begins here whose "=" is encoded at most "most" times */

static int
gw_log_begins(const unsigned char *p, const unsigned char *last, unsigned most)
{
    int       c;
    unsigned  depth;

    while (p < last) {
        c = gw_log_read(&p, last, &depth);

        if (c != GW_LOG_BAD && depth > most) {
            continue;
        }

        if (c == '=') {
            return 1;
        }

        if (c == GW_LOG_BAD || c == '&' || c == ';' || c == '#') {
            return 0;
        }
    }

    return 0;
}


/* the end of a value whose "=" is encoded "most" times */

static const unsigned char *
gw_log_value(const unsigned char *p, const unsigned char *last, unsigned most)
{
    int                   c;
    unsigned              depth;
    const unsigned char  *end;

    while (p < last) {
        end = p;
        c = gw_log_read(&p, last, &depth);

        if (depth > most) {
            continue;
        }

        if (c == '&' || c == '#'
            || (c == ';' && gw_log_begins(p, last, most)))
        {
            return end;
        }
    }

    return last;
}


/* whether there is nothing to redact: no "=", "%", "@" or overlong form */

static int
gw_log_harmless(const gw_text_t *text)
{
    size_t  i;

    static const unsigned char  leads[256] = {
        ['='] = 1, ['%'] = 1, ['@'] = 1, [0xc0] = 1, [0xc1] = 1
    };

    for (i = 0; i < text->len; i++) {
        if (leads[text->data[i]]) {
            return 0;
        }
    }

    return 1;
}


void
gw_log_redact(gw_log_redact_t *walk, const gw_log_secrets_t *secrets,
    const gw_text_t *text)
{
    walk->p = text->data;
    walk->last = text->data + text->len;
    walk->shown = walk->p;
    walk->by = 0;
    walk->depth = 0;
    walk->free = walk->p;
    walk->secrets = secrets;
    walk->open = 0;
    walk->secret = 0;
    walk->redacted = 0;

    if (gw_log_harmless(text)) {
        walk->p = walk->last;
    }
}


/* returns the text up to "from"; REDACTED replaces what is before "to" */

static int
gw_log_hide(gw_log_redact_t *walk, const unsigned char *from,
    const unsigned char *to, gw_text_t *run)
{
    run->data = walk->shown;
    run->len = (size_t) (from - walk->shown);

    walk->p = to;
    walk->shown = to;
    walk->by = 0;
    walk->open = 0;
    walk->secret = 0;
    walk->redacted = 1;

    return 1;
}


/*
 * The last "@" of the authority that follows slashes, which are encoded
 * "slashes" times; NULL: no "@".  A "/" that is encoded more often is part of a
 * name or a password.  A "&" that is encoded less than "amp" times ends the
 * value that contains the URL.  "end" receives the end of the authority.
 */

static const unsigned char *
gw_log_at(const unsigned char *p, const unsigned char *last, unsigned slashes,
    unsigned amp, const unsigned char **end)
{
    int                   c;
    unsigned              depth;
    const unsigned char  *at;

    at = NULL;

    for (*end = p; p < last; *end = p) {
        c = gw_log_read(&p, last, &depth);

        if (c == '@') {
            at = *end;

        } else if (c == '/' || c == '?' || c == '#') {

            if (depth <= slashes) {
                break;
            }

        } else if (c == '&' && depth < amp) {
            break;
        }
    }

    return at;
}


/* the same; text without an "@" is not read a second time */

static const unsigned char *
gw_log_user(gw_log_redact_t *walk, const unsigned char *p, unsigned slashes,
    unsigned amp)
{
    if (p < walk->free) {
        p = walk->free;
    }

    return gw_log_at(p, walk->last, slashes, amp, &walk->free);
}


static int
gw_log_slash(int c)
{
    return c == '/' || c == '\\';
}


/*
 * The beginning of the user after a scheme and at most one slash, which
 * browsers accept as a URL; NULL: no user.  See gw_log_slashes() for more
 * slashes.
 */

static const unsigned char *
gw_log_schemed(gw_log_redact_t *walk, const gw_log_piece_t *piece,
    const unsigned char **at)
{
    int                   c, slashes;
    unsigned              depth, level;
    const unsigned char  *p, *start;

    if (piece->colon == NULL) {
        return NULL;
    }

    start = piece->colon;
    level = piece->colons;
    slashes = 0;

    for (p = start; p < walk->last; start = p) {
        c = gw_log_read(&p, walk->last, &depth);

        if (gw_log_slash(c)) {
            level = depth;

            if (++slashes == 2) {
                return NULL;
            }

        } else if (!gw_log_dropped(c)) {
            break;
        }
    }

    *at = gw_log_user(walk, start, level,
                      walk->by == '=' ? walk->depth + 1 : level);

    return (*at != NULL && *at > start) ? start : NULL;
}


/* the same after two slashes of any kind, with or without a scheme */

static const unsigned char *
gw_log_slashes(gw_log_redact_t *walk, const gw_log_piece_t *piece,
    const unsigned char **at)
{
    unsigned  depth;

    if (!gw_log_slash(piece->by) || !gw_log_slash(walk->by) || !piece->empty) {
        return NULL;
    }

    depth = (piece->depth < walk->depth) ? piece->depth : walk->depth;

    *at = gw_log_user(walk, piece->next, depth, depth);

    return (*at != NULL && *at > piece->next) ? piece->next : NULL;
}


/*
 * Goes on after a piece that is not redacted.  Some parsers treat separators
 * inside of brackets as part of the name, except a "&" that is not encoded: the
 * name then has the words of all its pieces.  The same applies to "\\".
 */

static void
gw_log_step(gw_log_redact_t *walk, const gw_log_piece_t *piece)
{
    int  in_name;

    in_name = (piece->open || walk->open)
              && piece->by != '=' && (piece->by != '&' || piece->depth);

    walk->open = in_name;
    walk->secret = (in_name || piece->by == '\\') && piece->secret;

    walk->by = piece->by;
    walk->depth = piece->depth;
    walk->p = piece->next;
}


size_t
gw_log_redact_user(const gw_text_t *host)
{
    const unsigned char  *at, *end;

    if (gw_log_harmless(host)) {
        return 0;
    }

    at = gw_log_at(host->data, host->data + host->len, 0, 0, &end);

    return at != NULL ? (size_t) (at - host->data) : 0;
}


int
gw_log_redact_next(gw_log_redact_t *walk, gw_text_t *run)
{
    gw_log_piece_t        piece;
    const unsigned char  *at, *user;

    if (walk->redacted) {
        run->data = (const unsigned char *) GW_LOG_REDACTED;
        run->len = sizeof(GW_LOG_REDACTED) - 1;
        walk->redacted = 0;

        return 1;
    }

    while (walk->p < walk->last) {
        gw_log_piece(walk, &piece);

        if (piece.bad) {
            return gw_log_hide(walk, walk->p,
                               gw_log_value(walk->p, walk->last, 0), run);
        }

        user = gw_log_slashes(walk, &piece, &at);

        if (user == NULL) {
            user = gw_log_schemed(walk, &piece, &at);
        }

        if (user != NULL) {
            return gw_log_hide(walk, user, at, run);
        }

        if (piece.by == '=' && piece.secret) {
            return gw_log_hide(walk, piece.next,
                               gw_log_value(piece.next, walk->last,
                                            piece.open ? 0 : piece.depth),
                               run);
        }

        gw_log_step(walk, &piece);
    }

    run->data = walk->shown;
    run->len = (size_t) (walk->last - walk->shown);
    walk->shown = walk->last;

    return run->len != 0;
}
