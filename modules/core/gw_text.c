
#include "gw_text.h"

#include <string.h>


/* two digits at a time: half as many divisions */

static const char  gw_text_pairs[] =
    "00010203040506070809" "10111213141516171819" "20212223242526272829"
    "30313233343536373839" "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879" "80818283848586878889"
    "90919293949596979899";


unsigned char *
gw_text_decimal(unsigned char *p, uint64_t n)
{
    size_t          len;
    unsigned char   digits[GW_TEXT_DECIMAL], *d;

    d = digits + sizeof(digits);

    while (n >= 100) {
        d -= 2;
        memcpy(d, &gw_text_pairs[n % 100 * 2], 2);
        n /= 100;
    }

    if (n >= 10) {
        d -= 2;
        memcpy(d, &gw_text_pairs[n * 2], 2);

    } else {
        *--d = (unsigned char) ('0' + n);
    }

    len = (size_t) (digits + sizeof(digits) - d);
    memcpy(p, d, len);

    return p + len;
}
