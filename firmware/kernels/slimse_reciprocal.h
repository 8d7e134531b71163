/** Division by a sum of exponentials as gemmlowp does it. */
#ifndef SLIMSE_RECIPROCAL_H
#define SLIMSE_RECIPROCAL_H

#include "slimse_arithmetic.h"

/** Bits above the point of a sum of exponentials, Q12.19. */
enum { SLIMSE_SUM_INTEGER_BITS = 12 };

/** A factor, and what products with it are then shifted to the right by. */
typedef struct {
    int32_t factor; /**< Q31 */
    int shift;      /**< 23 .. 31 */
} slimse_share_t;

/** 1 / value in Q31, value in Q1.31 from 1 to 2. */
static inline int32_t slimse_reciprocal(uint32_t value)
{
    /* 48/17 and -32/17 in Q2.29: where the division by Newton's method starts. */
    const int32_t start = 1515870810;
    const int32_t slope = -1010580540;
    const int32_t one = 1 << 29;
    const int32_t half = (int32_t)(value >> 1);
    int32_t x = start + slimse_requantize(half, slope, 0);

    for (int i = 0; i < 3; i++) {
        x += 4 * slimse_requantize(x, one - slimse_requantize(half, x, 0), 0);
    }
    return slimse_shift_left(x, 1);
}

/** What turns exponentials, Q31, into their shares of a sum of them, 0 .. 256; the sum is Q12.19, 1 or more. */
static inline slimse_share_t slimse_share_of(uint32_t sum)
{
    int bits = SLIMSE_SUM_INTEGER_BITS;

    while (sum <= INT32_MAX) {
        sum <<= 1;
        bits--;
    }
    return (slimse_share_t){slimse_reciprocal(sum), bits + 31 - 8};
}

#endif
