#include "slimse_paired_values.h"

#include <string.h>

/* Sign-extended bytes 0 and 2 of a word. */
static inline uint32_t even_bytes(uint32_t word)
{
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
}

/* Of the columns a, b, c, d the lanes xa, xc and 256 xb - xa + 127, 256 xd - xc + 127. */
static inline void widen(const int8_t *quad, int32_t *values)
{
    uint32_t word;

    memcpy(&word, quad, sizeof word);
    values[0] = (int32_t)even_bytes(word);
    /* 127 - xa as an unsigned byte is xa with its low seven bits turned over. */
    values[1] = (int32_t)(word ^ 0x007F007FU);
}

int32_t *slimse_paired_values(const int8_t *input, uint32_t columns, int32_t *values)
{
    uint32_t left = columns;

    for (; left >= 16U; left -= 16U) {
        widen(&input[0], &values[0]);
        widen(&input[4], &values[2]);
        widen(&input[8], &values[4]);
        widen(&input[12], &values[6]);
        values += 8;
        input += 16;
    }
    for (; left >= 4U; left -= 4U) {
        widen(input, values);
        values += 2;
        input += 4;
    }
    if (left > 0U) {
        int8_t last[4] = {0};
        memcpy(last, input, left);
        widen(last, values);
        values += 2;
    }
    return values;
}
