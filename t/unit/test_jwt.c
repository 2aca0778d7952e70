/* SPDX-License-Identifier: BSD-2-Clause */

/* claims: values on both sides of each boundary */

#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_jwt.h"
#include "tap.h"


#define NOW  1700000000

#define MAX  "9223372036854775807"
#define MIN  "-9223372036854775808"


static json_t *
parse(const char *text)
{
    json_t           *value;
    gw_json_error_t   error;

    value = gw_json_parse((const unsigned char *) text, strlen(text), &error);

    if (value == NULL) {
        note("\"%s\" %s", text, error.why);
        exit(1);
    }

    return value;
}


/* all claims that are checked must be in gw_jwt_registered */

static const gw_json_names_t  names = {
    GW_JWT_REGISTERED, gw_jwt_registered
};

static const gw_json_limit_t  limit = { 16, &names, 0 };


static gw_reason_e
judge(const char *header, const char *text, const gw_jwt_policy_t *policy)
{
    json_t       *head, *claims;
    gw_reason_e   rc;

    rc = gw_jwt_parse(&claims, (const unsigned char *) text, strlen(text),
                      &limit, NULL);

    if (rc == GW_OK) {
        head = parse(header);
        rc = gw_jwt_check(head, claims, policy);
        json_decref(head);
        json_decref(claims);
    }

    return rc;
}


/* the text for the log has the claim and its type, never its value */

static const struct {
    const char  *claims;
    const char  *why;
} errors[] = {
    { "{\"exp\":\"1\"}", "exp is a string" },
    { "{\"nbf\":true}", "nbf is a boolean" },
    { "{\"iat\":null}", "iat is null" },
    { "{\"exp\":[1]}", "exp is an array" },
    { "{\"exp\":1,\"nbf\":{}}", "nbf is an object" },
    { "{\"sub\":\"a\",\"sub\":\"b\"}",
      "the payload has a duplicate member \"sub\"" },
    { "[1]", "the payload is not a JSON object" },
    { "", "the payload is not a JSON object" },
    { "{\"a\":1,}", "the payload is not well-formed JSON, a comma must not "
      "precede a closing bracket" },
    { "{\"a\":[1,2,3,4,5,6,7,8,9]}", "the payload has more than 8 values" }
};


static void
test_errors(void)
{
    size_t           i;
    json_t          *claims;
    gw_jws_error_t   error;
    gw_json_limit_t  limit = { 8, NULL, 0 };

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        is_int(gw_jwt_parse(&claims, (const unsigned char *) errors[i].claims,
                            strlen(errors[i].claims), &limit, &error),
               GW_MALFORMED_PAYLOAD, "claims %s", errors[i].claims);
        is_str(error.why, errors[i].why, "the error message");
    }
}


static const struct {
    const char   *claims;
    gw_reason_e   reason;
} payloads[] = {
    { "{}", GW_OK },
    { "{\"exp\":1}", GW_OK },
    { "{\"exp\":1.5}", GW_OK },
    { "{\"exp\":-1e3}", GW_OK },
    { "{\"exp\":1e308}", GW_OK },
    { "{\"exp\":\"1700000000\"}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":null}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":true}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":[]}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":{}}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":1e400}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":99999999999999999999}", GW_MALFORMED_PAYLOAD },
    { "{\"nbf\":\"1\"}", GW_MALFORMED_PAYLOAD },
    { "{\"iat\":\"1\"}", GW_MALFORMED_PAYLOAD },
    { "{\"exp\":1,\"exp\":2}", GW_MALFORMED_PAYLOAD },
    { "[]", GW_MALFORMED_PAYLOAD },
    { "\"x\"", GW_MALFORMED_PAYLOAD },
    { "", GW_MALFORMED_PAYLOAD },
    { "{\"sub\":\"\377\"}", GW_MALFORMED_PAYLOAD }
};


static void
test_parse(void)
{
    size_t       i;
    json_t      *claims;
    gw_reason_e  rc;

    for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        claims = NULL;
        rc = gw_jwt_parse(&claims, (const unsigned char *) payloads[i].claims,
                          strlen(payloads[i].claims), &limit, NULL);

        is_str(gw_reason_word(rc), gw_reason_word(payloads[i].reason),
               "claims %s", payloads[i].claims);
        json_decref(claims);
    }
}


static const struct {
    const char   *claims;
    int64_t       leeway;
    int64_t       max_age;
    gw_reason_e   reason;
} times[] = {
    { "{}",                           0,  -1, GW_NO_EXPIRY },
    { "{\"exp\":1700000001}",         0,  -1, GW_OK },
    { "{\"exp\":1700000000}",         0,  -1, GW_EXPIRED },
    { "{\"exp\":1700000000.1}",       0,  -1, GW_OK },
    { "{\"exp\":1699999999.9}",       0,  -1, GW_EXPIRED },
    { "{\"exp\":1700000000.0}",       0,  -1, GW_EXPIRED },
    { "{\"exp\":1.7e9}",              0,  -1, GW_EXPIRED },
    { "{\"exp\":1699999991}",         10, -1, GW_OK },
    { "{\"exp\":1699999990}",         10, -1, GW_EXPIRED },
    { "{\"exp\":0}",                  0,  -1, GW_EXPIRED },
    { "{\"exp\":-1}",                 0,  -1, GW_EXPIRED },
    { "{\"exp\":-1e3}",               0,  -1, GW_EXPIRED },
    { "{\"exp\":" MAX "}",            0,  -1, GW_OK },
    { "{\"exp\":" MIN "}",            0,  -1, GW_EXPIRED },
    { "{\"exp\":1e308}",              0,  -1, GW_OK },
    { "{\"exp\":-1e308}",             0,  -1, GW_EXPIRED },
    { "{\"exp\":9223372036854775808.0}", 0, -1, GW_OK },
    { "{\"exp\":" MIN "}",            INT64_MAX, -1, GW_EXPIRED },
    { "{\"exp\":-1e18}",              INT64_MAX, -1, GW_OK },

    { "{\"exp\":2e9,\"nbf\":1700000000}",    0,  -1, GW_OK },
    { "{\"exp\":2e9,\"nbf\":1700000001}",    0,  -1, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"nbf\":1700000000.1}",  0,  -1, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"nbf\":1700000010}",    10, -1, GW_OK },
    { "{\"exp\":2e9,\"nbf\":1700000010.5}",  10, -1, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"nbf\":1700000011}",    10, -1, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"nbf\":" MIN "}",       0,  -1, GW_OK },
    { "{\"exp\":2e9,\"nbf\":-1e308}",        0,  -1, GW_OK },
    { "{\"exp\":2e9,\"nbf\":" MAX "}",       0,  -1, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"nbf\":" MAX "}",       INT64_MAX, -1, GW_OK },
    { "{\"exp\":2e9,\"nbf\":1e308}",         INT64_MAX, -1,
      GW_NOT_YET_VALID },

    { "{\"exp\":2e9,\"iat\":1800000000}",    0,  -1, GW_OK },
    { "{\"exp\":2e9}",                       0,  60, GW_TOO_OLD },
    { "{\"exp\":2e9,\"iat\":1700000000}",    0,  60, GW_OK },
    { "{\"exp\":2e9,\"iat\":1700000001}",    0,  60, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"iat\":1700000005}",    5,  60, GW_OK },
    { "{\"exp\":2e9,\"iat\":1700000006}",    5,  60, GW_NOT_YET_VALID },
    { "{\"exp\":2e9,\"iat\":1699999940}",    0,  60, GW_OK },
    { "{\"exp\":2e9,\"iat\":1699999939}",    0,  60, GW_TOO_OLD },
    { "{\"exp\":2e9,\"iat\":1699999939.5}",  0,  60, GW_TOO_OLD },
    { "{\"exp\":2e9,\"iat\":1699999935}",    5,  60, GW_OK },
    { "{\"exp\":2e9,\"iat\":1699999934}",    5,  60, GW_TOO_OLD },
    { "{\"exp\":2e9,\"iat\":1700000000}",    0,  0,  GW_OK },
    { "{\"exp\":2e9,\"iat\":1699999999}",    0,  0,  GW_TOO_OLD },
    { "{\"exp\":2e9,\"iat\":" MIN "}",       INT64_MAX, INT64_MAX, GW_OK },
    { "{\"exp\":2e9,\"iat\":-1e308}",        INT64_MAX, INT64_MAX,
      GW_TOO_OLD },

    /* of several reasons, the first one is returned */
    { "{\"exp\":1,\"nbf\":2e9}",             0,  60, GW_EXPIRED },
    { "{\"exp\":2e9,\"nbf\":2e9,\"iat\":1}", 0,  60, GW_NOT_YET_VALID }
};


static void
test_times(void)
{
    size_t           i;
    gw_jwt_policy_t  policy;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        memset(&policy, 0, sizeof(policy));

        policy.now = NOW;
        policy.require_exp = 1;
        policy.leeway = times[i].leeway;
        policy.max_age = times[i].max_age;

        is_str(gw_reason_word(judge("{}", times[i].claims, &policy)),
               gw_reason_word(times[i].reason), "%s leeway %lld age %lld",
               times[i].claims, (long long) times[i].leeway,
               (long long) times[i].max_age);
    }

    policy.max_age = -1;
    policy.require_exp = 0;
    is_int(judge("{}", "{}", &policy), GW_OK, "no exp where none is required");
}


#define TEXT(s)  { sizeof(s) - 1, (const unsigned char *) s }

static const gw_text_t  two[] = { TEXT("one"), TEXT("two") };
static const gw_text_t  none[] = { TEXT("") };
static const gw_text_t  typs[] = { TEXT("at+jwt"), TEXT("application/x") };


static const struct {
    const char   *claims;
    gw_reason_e   reason;
} issuers[] = {
    { "{}", GW_ISSUER },
    { "{\"iss\":\"one\"}", GW_OK },
    { "{\"iss\":\"two\"}", GW_OK },
    { "{\"iss\":\"three\"}", GW_ISSUER },
    { "{\"iss\":\"One\"}", GW_ISSUER },
    { "{\"iss\":\"on\"}", GW_ISSUER },
    { "{\"iss\":\"onee\"}", GW_ISSUER },
    { "{\"iss\":\"\"}", GW_ISSUER },
    { "{\"iss\":[\"one\"]}", GW_ISSUER },
    { "{\"iss\":1}", GW_ISSUER },
    { "{\"iss\":null}", GW_ISSUER }
};

static const struct {
    const char   *claims;
    gw_reason_e   reason;
} audiences[] = {
    { "{}", GW_AUDIENCE },
    { "{\"aud\":\"one\"}", GW_OK },
    { "{\"aud\":\"three\"}", GW_AUDIENCE },
    { "{\"aud\":\"\"}", GW_AUDIENCE },
    { "{\"aud\":[]}", GW_AUDIENCE },
    { "{\"aud\":[\"two\"]}", GW_OK },
    { "{\"aud\":[\"three\",\"two\"]}", GW_OK },
    { "{\"aud\":[\"three\"]}", GW_AUDIENCE },
    { "{\"aud\":[\"\"]}", GW_AUDIENCE },
    { "{\"aud\":[\"one\",1]}", GW_AUDIENCE },
    { "{\"aud\":[null,\"one\"]}", GW_AUDIENCE },
    { "{\"aud\":[[\"one\"]]}", GW_AUDIENCE },
    { "{\"aud\":{\"one\":1}}", GW_AUDIENCE },
    { "{\"aud\":1}", GW_AUDIENCE },
    { "{\"aud\":null}", GW_AUDIENCE }
};

static const struct {
    const char   *header;
    gw_reason_e   reason;
} types[] = {
    { "{}", GW_TYP },
    { "{\"typ\":\"at+jwt\"}", GW_OK },
    { "{\"typ\":\"AT+JWT\"}", GW_OK },
    { "{\"typ\":\"application/at+jwt\"}", GW_OK },
    { "{\"typ\":\"Application/AT+jwt\"}", GW_OK },
    { "{\"typ\":\"x\"}", GW_OK },
    { "{\"typ\":\"application/x\"}", GW_OK },
    { "{\"typ\":\"application/application/x\"}", GW_TYP },
    { "{\"typ\":\"application/\"}", GW_TYP },
    { "{\"typ\":\"text/x\"}", GW_TYP },
    { "{\"typ\":\"JWT\"}", GW_TYP },
    { "{\"typ\":\"\"}", GW_TYP }
};


static void
test_names(void)
{
    size_t           i;
    gw_jwt_policy_t  policy, empty;

    memset(&empty, 0, sizeof(empty));
    empty.max_age = -1;

    policy = empty;
    policy.issuers = two;
    policy.nissuers = 2;

    for (i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
        is_str(gw_reason_word(judge("{}", issuers[i].claims, &policy)),
               gw_reason_word(issuers[i].reason), "%s", issuers[i].claims);
    }

    policy.issuers = none;
    policy.nissuers = 1;
    is_int(judge("{}", "{\"iss\":\"\"}", &policy), GW_ISSUER,
           "an empty iss never matches, not even an empty issuer");

    policy = empty;
    policy.audiences = two;
    policy.naudiences = 2;

    for (i = 0; i < sizeof(audiences) / sizeof(audiences[0]); i++) {
        is_str(gw_reason_word(judge("{}", audiences[i].claims, &policy)),
               gw_reason_word(audiences[i].reason), "%s", audiences[i].claims);
    }

    policy = empty;
    policy.typ = typs;
    policy.ntyp = 2;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        is_str(gw_reason_word(judge(types[i].header, "{}", &policy)),
               gw_reason_word(types[i].reason), "%s", types[i].header);
    }

    is_int(judge("{}", "{\"iss\":1,\"aud\":[]}", &empty), GW_OK,
           "claims that the policy does not require are not checked");
}


static void
test_max_values(void)
{
    is_int((long long) gw_jwt_max_values(16384), 2048, "an eighth of 16 kB");
    is_int((long long) gw_jwt_max_values(8200), 1025,
           "an eighth of 8200 bytes");
    is_int((long long) gw_jwt_max_values(8199), 1024, "1024 for 8199 bytes");
    is_int((long long) gw_jwt_max_values(1), 1024, "at least 1024 values");
}


int
main(void)
{
    test_parse();
    test_max_values();
    test_times();
    test_names();
    test_errors();

    return done_testing();
}
