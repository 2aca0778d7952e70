/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checking RSA keys.
 *
 * The limits of size and exponent bound the cost of a verification, which any
 * client can trigger.  The fingerprint detects the keys of CVE-2017-15361.
 */

#include "gw_jwk_key.h"


#define GW_RSA_MIN_BITS          2048
#define GW_RSA_MAX_BITS          16384
#define GW_RSA_MAX_EXPONENT      ((uint64_t) 1 << 33)
#define GW_RSA_ROCA_GENERATOR    65537


static size_t gw_rsa_trim(const unsigned char **data, size_t len);
static size_t gw_rsa_bits(const unsigned char *n, size_t len);
static int gw_rsa_exponent_is_sane(const unsigned char *e, size_t len);
static int gw_rsa_has_roca(const unsigned char *n, size_t len);
static unsigned gw_rsa_mod(const unsigned char *n, size_t len, unsigned p);
static int gw_rsa_is_power(unsigned value, unsigned p);


const char *
gw_rsa_judge(const unsigned char *n, size_t nlen, const unsigned char *e,
    size_t elen)
{
    size_t  bits;

    nlen = gw_rsa_trim(&n, nlen);
    elen = gw_rsa_trim(&e, elen);
    bits = gw_rsa_bits(n, nlen);

    if (bits < GW_RSA_MIN_BITS) {
        return "is an RSA key of less than 2048 bits";
    }

    if (bits > GW_RSA_MAX_BITS) {
        return "is an RSA key of more than 16384 bits";
    }

    if ((n[nlen - 1] & 1) == 0) {
        return "has an even RSA modulus";
    }

    if (!gw_rsa_exponent_is_sane(e, elen)) {
        return "has an RSA exponent that is even, below 3 or above 2^33";
    }

    if (gw_rsa_has_roca(n, nlen)) {
        return "is an RSA key that can be factored (CVE-2017-15361)";
    }

    return NULL;
}


static size_t
gw_rsa_trim(const unsigned char **data, size_t len)
{
    while (len > 0 && **data == 0) {
        (*data)++;
        len--;
    }

    return len;
}


static size_t
gw_rsa_bits(const unsigned char *n, size_t len)
{
    size_t    bits;
    unsigned  first;

    bits = (len > 0) ? (len - 1) * 8 : 0;

    for (first = (len > 0) ? *n : 0; first != 0; first >>= 1) {
        bits++;
    }

    return bits;
}


static int
gw_rsa_exponent_is_sane(const unsigned char *e, size_t len)
{
    size_t    i;
    uint64_t  value;

    if (len > 5) {
        return 0;
    }

    for (value = 0, i = 0; i < len; i++) {
        value = value << 8 | e[i];
    }

    return (value & 1) && value >= 3 && value <= GW_RSA_MAX_EXPONENT;
}


/*
 * The broken generator makes primes k * M + (65537^a mod M), where M is the
 * product of the first primes.  Modulo each of these, the modulus is therefore
 * a power of 65537.  For any other key this holds for all primes up to 167 with
 * a probability of 2^-27.
 */

static int
gw_rsa_has_roca(const unsigned char *n, size_t len)
{
    size_t    i;

    static const unsigned char  primes[] = {
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67,
        71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139,
        149, 151, 157, 163, 167
    };

    for (i = 0; i < sizeof(primes); i++) {
        if (!gw_rsa_is_power(gw_rsa_mod(n, len, primes[i]), primes[i])) {
            return 0;
        }
    }

    return 1;
}


static unsigned
gw_rsa_mod(const unsigned char *n, size_t len, unsigned p)
{
    size_t    i;
    unsigned  rest;

    for (rest = 0, i = 0; i < len; i++) {
        rest = (rest << 8 | n[i]) % p;
    }

    return rest;
}


/* whether "value" is a power of 65537 modulo the prime "p" */

static int
gw_rsa_is_power(unsigned value, unsigned p)
{
    unsigned  power;

    power = 1;

    do {
        if (power == value) {
            return 1;
        }

        power = power * (GW_RSA_ROCA_GENERATOR % p) % p;

    } while (power != 1);

    return 0;
}
