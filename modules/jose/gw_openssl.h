/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The differences between OpenSSL's versions, 1.1.1 to 3.x.
 *
 * With 3.x a digest is fetched once and kept: a lookup in each request would
 * take a lock and cost more than hashing a token.
 */

#ifndef GW_OPENSSL_H_INCLUDED
#define GW_OPENSSL_H_INCLUDED

#include <openssl/evp.h>
#include <openssl/opensslv.h>


#if OPENSSL_VERSION_NUMBER >= 0x30000000L

#define GW_OPENSSL_3  1

typedef EVP_MD  gw_md_t;

#define gw_md_fetch(name)  EVP_MD_fetch(NULL, name, NULL)
#define gw_md_free(md)     EVP_MD_free(md)

#else

#define GW_OPENSSL_3  0

typedef const EVP_MD  gw_md_t;

#define gw_md_fetch(name)  EVP_get_digestbyname(name)
#define gw_md_free(md)     (void) (md)

#define EVP_MD_get_size          EVP_MD_size
#define EVP_MD_get_block_size    EVP_MD_block_size
#define EVP_PKEY_get_size        EVP_PKEY_size

/* for files that include <openssl/ssl.h> */
#define SSL_get1_peer_certificate  SSL_get_peer_certificate

#endif


/* whether this OpenSSL implements keys of that name */

static inline int
gw_openssl_has_key(const char *name)
{
#if GW_OPENSSL_3
    EVP_KEYMGMT  *keymgmt;

    keymgmt = EVP_KEYMGMT_fetch(NULL, name, NULL);
    EVP_KEYMGMT_free(keymgmt);

    return keymgmt != NULL;
#else
    return EVP_PKEY_asn1_find_str(NULL, name, -1) != NULL;
#endif
}


#endif /* GW_OPENSSL_H_INCLUDED */
