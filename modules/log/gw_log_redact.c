/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Secrets in queries and URLs: see gw_log_redact.h.
 *
 * The text is read as pieces between separators.  A piece is the name of a
 * parameter if "=" follows it.  Whether that is a separator of the URL or a
 * byte of another URL inside it does not matter: only the depth of its
 * encoding, which says where the value ends.
 */

#include <string.h>

#include "gw_log_redact.h"


/* what gw_log_read() returns for an escape that cannot be read */
#define GW_LOG_BAD      (-1)


/* a piece: it ends at a separator */

typedef struct {
    const unsigned char  *next;     /* behind the separator */
    int                   by;       /* the separator; 0: the text ends */
    unsigned              depth;    /* of its encoding */

    int                   bad;      /* holds what cannot be read */
    int                   empty;    /* holds nothing that parsers keep */
    int                   open;     /* a bracket is open where it ends */
    int                   secret;   /* one of its words is in the set */

    const unsigned char  *colon;    /* behind that of a scheme; NULL: none */
    unsigned              colons;   /* depth of its encoding */

    int                   both;     /* the name has two readings */
    gw_log_name_t         names[2]; /* the second without what browsers take
                                       out: tabs and line ends */
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


/* whether the "%" before it could be part of another escape */

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


/*
 * Whether a byte, with the one that follows, begins a form of an ASCII byte
 * that is longer than UTF-8 allows
 */

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
 * Reads a byte at whatever depth it is encoded: "&" has the depth 0, "%26" 1,
 * "%2526" 2.  "%" itself is such a byte only if no hexadecimal digit follows,
 * encoded or not: a parser that decodes "%25%32%36" twice reads "&".
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


/* what browsers take out of a URL before they parse it */

static int
gw_log_dropped(int c)
{
    return c == '\t' || c == '\r' || c == '\n';
}


/* whether the name is a scheme behind which browsers need no "//" */

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


/* a byte that separates nothing; "p" is behind it */

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


/* whether a parameter begins here, of which "=" is at most this deep */

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


/* the end of a value whose "=" has this depth */

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


/* most URLs: no parameter, nothing that is encoded, no user */

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


/* shows the text up to "from", then REDACTED for what is before "to" */

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
 * The last "@" of the authority behind slashes, which are encoded this deep;
 * NULL: there is none.  A "/" or "@" that is encoded once more is part of a
 * name or a password.  A "&" that is encoded less than "amp" ends the value
 * that holds the URL.  "end" receives where the authority ends.
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


/* the same on a walk: what has no "@" is not read again */

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
 * The user behind a scheme and one slash or none, which is a URL to browsers:
 * where it begins; NULL: there is none.  More slashes are gw_log_slashes().
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


/* the same behind two slashes of any kind, without a scheme or with any */

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
 * Behind a piece that is shown.  Parsers that know brackets take separators
 * inside of them for a part of the name, but for "&" as it is: such a name has
 * the words of all its pieces.  So has one with "\\".
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
