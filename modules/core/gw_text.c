
#include "gw_text.h"

#include <string.h>


unsigned char *
gw_text_decimal(unsigned char *p, uint64_t n)
{
    size_t          len;
    unsigned char   digits[GW_TEXT_DECIMAL], *d;

    d = digits + sizeof(digits);

    do {
        *--d = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n);

    len = (size_t) (digits + sizeof(digits) - d);
    memcpy(p, d, len);

    return p + len;
}
