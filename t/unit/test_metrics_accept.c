/* SPDX-License-Identifier: BSD-2-Clause */

/* the format of a scrape, by Accept */

#include <string.h>

#include "gw_metrics_accept.h"
#include "tap.h"


#define OPEN      "application/openmetrics-text"
#define TEXT      "text/plain"

#define IS_TEXT   GW_METRICS_TEXT
#define IS_OPEN   GW_METRICS_OPENMETRICS


/* the value of a field, or the values of two, separated by a newline */

static const struct {
    const char           *accept;
    gw_metrics_format_e   format;
} cases[] = {
    { "", IS_TEXT },
    { "*/*", IS_TEXT },
    { "text/*", IS_TEXT },
    { "application/*", IS_OPEN },
    { TEXT, IS_TEXT },
    { OPEN, IS_OPEN },
    { "Application/OpenMetrics-Text", IS_OPEN },
    { "text/html", IS_TEXT },
    { "application/json", IS_TEXT },

    /* Prometheus 2.42 and 3.5, VictoriaMetrics, a browser */
    { OPEN ";version=1.0.0," OPEN ";version=0.0.1;q=0.75," TEXT
      ";version=0.0.4;q=0.5,*/*;q=0.1", IS_OPEN },
    { OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN
      ";version=0.0.1;q=0.4," TEXT ";version=1.0.0;escaping=allow-utf-8;q=0.3,"
      TEXT ";version=0.0.4;q=0.2,*/*;q=0.1", IS_OPEN },
    { TEXT ";version=0.0.4;q=1,*/*;q=0.1", IS_TEXT },
    { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      IS_TEXT },

    /* weights */
    { OPEN ";q=0.5," TEXT ";q=0.6", IS_TEXT },
    { OPEN ";q=0.6," TEXT ";q=0.5", IS_OPEN },
    { TEXT ";q=0.599," OPEN ";q=0.6", IS_OPEN },
    { TEXT ";Q=0.5," OPEN ";Q=0.51", IS_OPEN },
    { OPEN ";q=0", IS_TEXT },
    { OPEN ";q=0.000,*/*", IS_TEXT },
    { OPEN ";q=0.001," TEXT ";q=0", IS_OPEN },
    { TEXT ";q=0", IS_TEXT },
    { TEXT ";q=0,*/*;q=0.1", IS_OPEN },
    { "*/*;q=0", IS_TEXT },
    { OPEN ";q=1.000", IS_OPEN },
    { OPEN ";q=1.", IS_OPEN },
    { OPEN ";q=0.," TEXT ";q=0.1", IS_TEXT },

    /* invalid weights: the range is ignored */
    { OPEN ";q=1.001", IS_TEXT },
    { OPEN ";q=2", IS_TEXT },
    { OPEN ";q=0.1234", IS_TEXT },
    { OPEN ";q=.5", IS_TEXT },
    { OPEN ";q=-1", IS_TEXT },
    { OPEN ";q=0,5", IS_TEXT },
    { OPEN ";q=", IS_TEXT },
    { OPEN ";q", IS_TEXT },
    { OPEN ";q=x", IS_TEXT },
    { OPEN ";q=x, " OPEN ";q=0.5", IS_OPEN },

    /* the more specific range decides, not the order or the weight */
    { "*/*;q=1," OPEN ";q=0.1", IS_TEXT },
    { OPEN ";q=0.1,*/*;q=1", IS_TEXT },
    { "application/*;q=0.1,*/*;q=0.5," OPEN, IS_OPEN },
    { "application/*;q=0.9," OPEN ";q=0.1," TEXT ";q=0.5", IS_TEXT },
    { OPEN ";version=1.0.0;q=0.1," OPEN ";q=0.9," TEXT ";q=0.5", IS_TEXT },
    { OPEN ";version=1.0.0;q=0.9," OPEN ";q=0.1," TEXT ";q=0.5", IS_OPEN },

    /* of equally specific ones, the higher weight */
    { OPEN ";q=0.1," OPEN ";q=0.9," TEXT ";q=0.5", IS_OPEN },
    { OPEN ";q=0.9," OPEN ";q=0.1," TEXT ";q=0.5", IS_OPEN },

    /* equal weights: the more specific range, else the default */
    { OPEN ",*/*", IS_OPEN },
    { TEXT "," OPEN, IS_TEXT },
    { OPEN "," TEXT, IS_TEXT },
    { OPEN "," TEXT ";version=0.0.4", IS_TEXT },
    { OPEN ";version=1.0.0," TEXT, IS_OPEN },

    /* parameters */
    { OPEN ";version=0.0.1", IS_TEXT },
    { OPEN ";version=1.0.00", IS_TEXT },
    { OPEN ";version=\"1.0.0\"", IS_OPEN },
    { OPEN ";version=\"1.\\0.0\"", IS_OPEN },
    { OPEN ";version=\"1.0.0", IS_TEXT },
    { OPEN ";version=\"1.0.0\\", IS_TEXT },
    { OPEN ";VERSION=1.0.0;Charset=UTF-8", IS_OPEN },
    { OPEN ";charset=iso-8859-1", IS_TEXT },
    { OPEN ";version=1.0.0;charset=utf-8;x=\"a,b;q=0\";q=0.3", IS_OPEN },
    { OPEN ";version=\"1.0.0 and more bytes than anyone compares\"", IS_TEXT },
    { OPEN ";q=0.3;version=9", IS_OPEN },
    { OPEN ";q=0.3;q=0", IS_OPEN },
    { OPEN "; version=1.0.0 ; q=0.3", IS_OPEN },
    { OPEN "\t;\tversion=1.0.0", IS_OPEN },
    { OPEN ";;version=1.0.0;", IS_OPEN },
    { OPEN ";version =1.0.0", IS_TEXT },
    { TEXT ";version=1.0.0," OPEN ";q=0.1", IS_OPEN },
    { "*/*;version=1.0.0", IS_OPEN },

    /* lists */
    { " " OPEN, IS_OPEN },
    { ",, ," OPEN ",", IS_OPEN },
    { "\"," OPEN ",\"," OPEN, IS_OPEN },
    { "text, " OPEN, IS_OPEN },
    { "text/, " OPEN, IS_OPEN },
    { "/plain, " OPEN, IS_OPEN },
    { TEXT " x, " OPEN, IS_OPEN },
    { OPEN "x", IS_TEXT },
    { "application/openmetrics-tex", IS_TEXT },
    { "*/plain", IS_TEXT },
    { "*/openmetrics-text", IS_TEXT },
    { OPEN "/x", IS_TEXT },
    { OPEN "\"", IS_TEXT },
    { OPEN ";x=\"\\\",\";q=0.5," TEXT ";q=0.4", IS_OPEN },

    /* two fields */
    { TEXT ";q=0.5\n" OPEN, IS_OPEN },
    { OPEN ";q=0.5\n" TEXT, IS_TEXT },
    { OPEN ";x=\"\n" OPEN, IS_OPEN },
};


static gw_metrics_format_e
format_of(const char *accept)
{
    size_t               len;
    gw_text_t            value;
    gw_metrics_accept_t  state;

    memset(&state, 0, sizeof(state));

    for ( ;; ) {
        len = strcspn(accept, "\n");

        value.data = (const unsigned char *) accept;
        value.len = len;
        gw_metrics_accept(&state, &value);

        if (accept[len] == '\0') {
            return gw_metrics_accepted(&state);
        }

        accept += len + 1;
    }
}


int
main(void)
{
    size_t               i;
    gw_metrics_accept_t  none;

    memset(&none, 0, sizeof(none));
    is_int(gw_metrics_accepted(&none), GW_METRICS_TEXT, "no field");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(format_of(cases[i].accept), cases[i].format, "\"%s\"",
               cases[i].accept);
    }

    return done_testing();
}
