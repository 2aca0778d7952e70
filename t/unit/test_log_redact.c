/* SPDX-License-Identifier: BSD-2-Clause */

/* secrets in queries and URLs, in each spelling, and texts without secrets */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_log_redact.h"
#include "tap.h"


#define R  "REDACTED"
#define S  "CANARY"


static gw_log_secrets_t  secrets;


static const struct {
    const char  *text;
    const char  *shown;     /* NULL: the same */
} texts[] = {
    { "", NULL },
    { "/", NULL },
    { "/a/b?c=d&e=f;g=h#i", NULL },
    { "token=" S, "token=" R },
    { "token=", "token=" R },
    { "token", NULL },
    { "/token/" S, NULL },
    { "a=1&token=" S "&b=2", "a=1&token=" R "&b=2" },
    { "a=1;token=" S ";b=2", "a=1;token=" R ";b=2" },
    { "token=a" S ";" S "&b=2", "token=" R "&b=2" },
    { "token=" S ";" S ";b=2", "token=" R ";b=2" },
    { "token=" S "=" S "?" S "/" S "&b=2", "token=" R "&b=2" },
    { "token=" S "#b=2", "token=" R "#b=2" },
    { "token=1&token=2&a=3&token=4",
      "token=" R "&token=" R "&a=3&token=" R },

    /* each built-in name, in any case */
    { "ACCESS_TOKEN=" S, "ACCESS_TOKEN=" R },
    { "Id_Token=" S, "Id_Token=" R },
    { "refresh-token=" S, "refresh-token=" R },
    { "code=" S, "code=" R },
    { "sig=" S, "sig=" R },
    { "signature=" S, "signature=" R },
    { "api_key=" S, "api_key=" R },
    { "apiKey=" S, "apiKey=" R },
    { "PASSWORD=" S, "PASSWORD=" R },
    { "secret=" S, "secret=" R },
    { "passwd=" S, "passwd=" R },
    { "client_secret=" S, "client_secret=" R },
    { "client_assertion=" S, "client_assertion=" R },
    { "X-Amz-Signature=" S, "X-Amz-Signature=" R },
    { "X-Goog-Signature=" S, "X-Goog-Signature=" R },

    /* neighbours */
    { "tokens=1&xtoken=2&token2=3&page_token=4&code_challenge=5", NULL },
    { "sign=1&passwords=2&api=3&key=4&secrets=5&encode=6&_token=7", NULL },
    { "to/ken=1&to%2fken=2", NULL },
    { "q=100%25&r=5%25%20off&s=%c3%a9", NULL },
    { "a==&b=?&c=/d/e&f=g@h&i=mailto:j@k", NULL },
    { "data=eyJhIjoxfQ==", NULL },

    /* percent-encoded names */
    { "%74oken=" S, "%74oken=" R },
    { "%74%6F%6b%65%6E=" S "&a=1", "%74%6F%6b%65%6E=" R "&a=1" },
    { "%2574oken=" S, "%2574oken=" R },
    { "%252574oken=" S, "%252574oken=" R },
    { "access%5ftoken=" S, "access%5ftoken=" R },
    { "+token=" S, "+token=" R },
    { "%20token%20=" S, "%20token%20=" R },
    { "token%00=" S, "token%00=" R },

    /* names that some parsers normalize */
    { "user[password]=" S, "user[password]=" R },
    { "user%5Bpassword%5D=" S, "user%5Bpassword%5D=" R },
    { "token[]=" S, "token[]=" R },
    { "a.token=" S, "a.token=" R },
    { "api.key=" S, "api.key=" R },
    { "access token=" S, "access token=" R },
    { "access[token=" S, "access[token=" R },

    /* separators in brackets are part of the name */
    { "password[a/b]=" S "&c=d", "password[a/b]=" R "&c=d" },
    { "password[a?b]=" S "&c=d", "password[a?b]=" R "&c=d" },
    { "password[a;b]=" S "&c=d", "password[a;b]=" R "&c=d" },
    { "password[a@b]=" S "&c=d", "password[a@b]=" R "&c=d" },
    { "password[a#b]=" S "&c=d", "password[a#b]=" R "&c=d" },
    { "password[a/b;c?d]=" S, "password[a/b;c?d]=" R },
    { "password[a%2Fb]=" S, "password[a%2Fb]=" R },
    { "password[a%26b]=" S, "password[a%26b]=" R },
    { "password[a%3Db]=" S, "password[a%3D" R },
    { "password[a%3Db%26c]=" S "&d=e", "password[a%3D" R "&d=e" },
    { "password%5Ba%2Fb%5D=" S, "password%5Ba%2Fb%5D=" R },
    { "password[a/b][c]=" S, "password[a/b][c]=" R },
    { "password[a/b]/c=" S, "password[a/b]/c=" R },
    { "password[a][b/c]=" S, "password[a][b/c]=" R },
    { "user[a/b][password]=" S, "user[a/b][password]=" R },
    { "a[x/password][y/z]=" S, "a[x/password][y/z]=" R },
    { "a=1;password[a/b]=" S ";c=d", "a=1;password[a/b]=" R ";c=d" },
    { "password[a/b&c]=d", NULL },
    { "password[a/b&c=d", NULL },
    { "password/b]=c&password]/b=c", NULL },
    { "tags[a/b]=c&passwords[a/b]=d&/e[f/g?h=i", NULL },
    { "q=[password/x]&y=1", NULL },

    /* a percent-encoded "=" */
    { "token%3D" S "&a=1", "token%3D" R "&a=1" },
    { "token%253d" S "&a=1", "token%253d" R "&a=1" },

    /* nested URLs */
    { "/cb?u=https://x/y?token=" S "&a=1", "/cb?u=https://x/y?token=" R
      "&a=1" },
    { "u=https%3A%2F%2Fx%2F%3Ftoken%3D" S "%26a%3D1&b=2",
      "u=https%3A%2F%2Fx%2F%3Ftoken%3D" R "%26a%3D1&b=2" },
    { "u=https%253A%252F%252Fx%253Ftoken%253D" S "%2526a%253D1%26c&b=2",
      "u=https%253A%252F%252Fx%253Ftoken%253D" R "%2526a%253D1%26c&b=2" },
    { "u=%3Ftoken%3D" S "%2526" S "%26a&b=2",
      "u=%3Ftoken%3D" R "%26a&b=2" },
    { "u=%3Ftoken=" S "%26" S "&b=2", "u=%3Ftoken=" R "&b=2" },
    { "u=%2523token%253D" S, "u=%2523token%253D" R },
    { "u=%253Fa%253D1%2526%2574oken%253D" S,
      "u=%253Fa%253D1%2526%2574oken%253D" R },
    { "a=token=" S, "a=token=" R },
    { "/x;token=" S "/y?a=1", "/x;token=" R },
    { "https://app/#access_token=" S "&id_token=" S "&state=1",
      "https://app/#access_token=" R "&id_token=" R "&state=1" },
    { "&amp;token=" S, "&amp;token=" R },

    /* users */
    { "https://user:" S "@host/a?b=c", "https://" R "@host/a?b=c" },
    { "//" S "@host", "//" R "@host" },
    { "https://me%40corp:" S "@host/", "https://" R "@host/" },
    { "https://me:a@" S "@host/@b", "https://" R "@host/@b" },
    { "https://me:a%2F" S "@host/a", "https://" R "@host/a" },
    { "https://me:a%3F" S "%23b@host?a=@", "https://" R "@host?a=@" },
    { "https://me:" S "&token=a@host/", "https://" R "@host/" },
    { "https://me:" S "&a%zz@host/", "https://" R "@host/" },
    { "/?u=https%3A%2F%2Fme:a%252F" S "%40host%2Fa&e=a@b",
      "/?u=https%3A%2F%2F" R "%40host%2Fa&e=a@b" },
    { "/?u=%2F%2Fhost&e=a@b", NULL },
    { "/?u=%2F%2Fhost%2Fa@b", NULL },
    { "/?u=/%2Fme:a%2F" S "@host", "/?u=/%2F" R "@host" },
    { "//@host", NULL },
    { "u=https%3A%2F%2Fuser%3A" S "%40host", "u=https%3A%2F%2F" R "%40host" },
    { "https://user:p&" S "=1@host/", "https://" R "@host/" },
    { "https://host/a@b?c=d", NULL },
    { "https://host?e=a@b", NULL },
    { "/?/a@b", NULL },

    /* users in URLs of the schemes that browsers parse specially */
    { "http:/\\u:" S "@h/", "http:/\\" R "@h/" },
    { "http:\\/u:" S "@h/", "http:\\/" R "@h/" },
    { "http:\\\\u:" S "@h\\a", "http:\\\\" R "@h\\a" },
    { "\\\\u:" S "@h/", "\\\\" R "@h/" },
    { "/\\u:" S "@h/", "/\\" R "@h/" },
    { "http:///\\/u:" S "@h/", "http:///\\/" R "@h/" },
    { "http:u:" S "@h/", "http:" R "@h/" },
    { "HTTPS:u:" S "@h?a=b", "HTTPS:" R "@h?a=b" },
    { "ws:" S "@h", "ws:" R "@h" },
    { "wss:/" S "@h", "wss:/" R "@h" },
    { "ftp:\\" S "@h#a@b", "ftp:\\" R "@h#a@b" },
    { "http:/u:" S "@h@i/j@k", "http:/" R "@i/j@k" },
    { "http:/u:p&" S "=1@h/", "http:/" R "@h/" },
    { "http:token=" S "@h/", "http:" R "@h/" },
    { "http:/\t/u:" S "@h/", "http:/\t/" R "@h/" },
    { "/\t\r\n/u:" S "@h/", "/\t\r\n/" R "@h/" },
    { "ht\ttp:\n/u:" S "@h/", "ht\ttp:\n/" R "@h/" },
    { " http:u:" S "@h/", " http:" R "@h/" },
    { "a=1&u=https:%5C%5Cu:" S "@h&b=c", "a=1&u=https:%5C%5C" R "@h&b=c" },
    { "u=https:%5Cu:" S "@h%2Fa@b", "u=https:%5C" R "@h%2Fa@b" },
    { "u=https%3A%2Fu%3A" S "%40h%2Fa%40b",
      "u=https%3A%2F" R "%40h%2Fa%40b" },
    { "u=https%253Au%253A" S "%2540h", "u=https%253A" R "%2540h" },
    { "u=http:/u:" S "@h/&e=a@b", "u=http:/" R "@h/&e=a@b" },
    { "u=http:a&v=http:/b&w=http:u:" S "@h",
      "u=http:a&v=http:/b&w=http:" R "@h" },

    /* neighbours */
    { "http:", NULL },
    { "u=http:&e=a@b", NULL },
    { "u=http:h&e=a@b", NULL },
    { "u=http%3Ah&e=a@b", NULL },
    { "http:/h/a@b", NULL },
    { "http:h/a@b", NULL },
    { "http:@h/", NULL },
    { "http:/@h/", NULL },
    { "xhttp:a@b&https2:a@b&http.:a@b", NULL },
    { "e=a:b@c&f=mailto:a@b&g=urn:a:b@c", NULL },
    { "/\\/h?a=b@c&p=c:\\d\\e@f", NULL },
    { "/\ta/b@c", NULL },

    /* characters that browsers remove from URLs */
    { "?to\tken=" S, "?to\tken=" R },
    { "?t\r\no\tken\n=" S "&a=b", "?t\r\no\tken\n=" R "&a=b" },
    { "a\t=1&\ttoken=" S, "a\t=1&\ttoken=" R },
    { "u=%3Fto%09ken%3D" S, "u=%3Fto%09ken%3D" R },
    { "api\t_key=" S, "api\t_key=" R },
    { "user[pass\nword]=" S, "user[pass\nword]=" R },
    { "a\ttoken=" S, "a\ttoken=" R },
    { "access\ttoken=" S, "access\ttoken=" R },
    { "token\\a=" S, "token\\a=" R },
    { "a\\token=" S, "a\\token=" R },
    { "to\tkens=1&x\ttokens=2&to ken=3&to\vken=4", NULL },

    /* malformed encodings */
    { "a=1&%zz" S "=" S "&b=2", "a=1&" R "&b=2" },
    { "a=" S "%&b=2", "a=" R "&b=2" },
    { "a=" S "%7&b=2", "a=" R "&b=2" },
    { "%u0074oken=" S "&b=2", R "&b=2" },
    { "%2%37%34oken=" S, R },
    { "%25%37%34oken=" S, R },
    { "u=%25%33%46token%25%33%44" S "&b=2", "u=" R "&b=2" },
    { "\xc1\xb4oken=" S, R },
    { "%c1%b4oken=" S, R },
    { "t%c1%afken=" S, R },
    { "%e0%81%b4oken=" S "&b=2", R "&b=2" },
    { "%25e0%2581%25b4oken=" S "&b=2", R "&b=2" },
    { "\xe0\x81\xb4oken=" S, R },
    { "%f0%80%81%b4oken=" S, R },
    { "\xf0\x80\x81\xb4oken=" S, R },
    { "a=%e0%a0%80&b=%f0%90%80%80&c=\xe0\xa4\x85", NULL },
};


/* joins the runs of a walk */

static size_t
show(const char *text, size_t len, unsigned char *out)
{
    size_t           n;
    gw_text_t        run, all;
    gw_log_redact_t  walk;

    all.data = (const unsigned char *) text;
    all.len = len;
    n = 0;

    gw_log_redact(&walk, &secrets, &all);

    while (gw_log_redact_next(&walk, &run)) {
        memcpy(out + n, run.data, run.len);
        n += run.len;
    }

    return n;
}


static int
holds(const unsigned char *out, size_t n, const char *word)
{
    size_t  i;

    for (i = 0; i + strlen(word) <= n; i++) {
        if (memcmp(out + i, word, strlen(word)) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * A secret after an incomplete pair or encoding: after each two bytes of those
 * that separate or encode.
 */

static void
test_prefixes(void)
{
    size_t         i, k, n, leaks;
    char           text[64];
    unsigned char  out[256];

    static const char  bytes[] = "%25&;=?#/@[a. +\xc0\xff\"\\37\t\r\n:";

    leaks = 0;

    for (i = 0; i < sizeof(bytes); i++) {
        for (k = 0; k < sizeof(bytes); k++) {
            n = (size_t) snprintf(text, sizeof(text), "x=%c%c&token=" S "&y=1",
                                  bytes[i], bytes[k]);
            n = show(text, n, out);

            if (holds(out, n, S)
                || n < 4 || memcmp(out + n - 4, "&y=1", 4) != 0)
            {
                note("%s: %.*s", text, (int) n, out);
                leaks++;
            }
        }
    }

    is_int(leaks, 0, "a secret is found after any two bytes");
}


static void
test_added(void)
{
    size_t         n;
    unsigned char  name[8], out[64];

    static const gw_text_t  added = { 6, (const unsigned char *) "My-Key" };
    gw_text_t               normalized = { 6, name };
    const gw_log_secrets_t  saved = secrets;

    gw_log_secret_normalize(name, &added);

    secrets.names = &normalized;
    secrets.n = 1;
    secrets.lengths = 1 << 6;

    n = show("my_key=1&MY-KEY=2&token=3", 25, out);
    is_bytes(out, n, "my_key=" R "&MY-KEY=" R "&token=3", "added names");

    secrets = saved;
}


static const struct {
    const char  *host;
    size_t       user;
} hosts[] = {
    { "", 0 },
    { "host", 0 },
    { "host:80", 0 },
    { "[::1]", 0 },
    { "me@host", 2 },
    { "me:" S "@host", 9 },
    { "a@b@host", 3 },
    { "me%40host", 2 },
    { "@host", 0 },
    { "me@", 2 },
    { "%zz@host", 3 },
    { "a-host-with-a-name-of-more-than-32-bytes", 0 },
    { "a-user-with-a-name-of-more-than-32-bytes@host", 40 }
};


static void
test_hosts(void)
{
    size_t     i;
    gw_text_t  host;

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        host.data = (const unsigned char *) hosts[i].host;
        host.len = strlen(hosts[i].host);

        is_int(gw_log_redact_user(&host), hosts[i].user, "user of \"%s\"",
               hosts[i].host);
    }
}


int
main(void)
{
    size_t         i, n;
    unsigned char  out[512];

    secrets.names = gw_log_secrets;

    for (i = 0; gw_log_secrets[i].len; i++) {
        secrets.lengths |= (uint64_t) 1 << gw_log_secrets[i].len;
        secrets.n++;
    }

    is_int(secrets.n, 16, "built-in names");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        n = show(texts[i].text, strlen(texts[i].text), out);

        is_bytes(out, n, texts[i].shown ? texts[i].shown : texts[i].text,
                 "%s", texts[i].text);
    }

    test_prefixes();
    test_added();
    test_hosts();

    return done_testing();
}
