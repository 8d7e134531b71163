/** The weights of attention from a table of exponentials, two entries of which are one word; and its means. */
#ifndef SLIMSE_EXP_LANES_H
#define SLIMSE_EXP_LANES_H

#include "slimse_exp.h"
#include "slimse_lanes.h"

/** exp(-exponent / 4096) in Q15; the exponent is cut to 16 bits. */
static inline int32_t slimse_exponential(int32_t exponent)
{
    uint32_t position;
    uint32_t neighbours;

    __asm__("usat %0, #16, %1" : "=r"(position) : "r"(exponent));
    memcpy(&neighbours, &slimse_exp_q15[position >> 8], sizeof neighbours);
    const uint32_t fraction = position & 255U;
    /* Lanes: 256 - fraction, fraction. */
    return slimse_multiply_lanes(neighbours, (fraction << 16) - fraction + 256U, 128) >> 8;
}

/** slimse_exp_weigh. */
static inline int32_t slimse_exp_lanes_weigh(int16_t *scores, uint32_t count, int32_t highest, int32_t limit,
                                             int32_t multiplier, int shift)
{
    const int16_t *score = scores;
    int16_t *const end = scores + count;
    int32_t sum = 0;

    for (int16_t *weights = scores; weights < end; weights++) {
        int32_t value;
        memcpy(&value, score, sizeof value);
        score += 2;
        const int32_t difference = highest - value < limit ? highest - value : limit;
        const int32_t weight = slimse_exponential((difference * multiplier) >> shift);
        *weights = (int16_t)weight;
        sum += weight;
    }
    return sum;
}

/** sum / total, to nearest, ties away from zero; half is total / 2. */
static inline int8_t slimse_quotient(int32_t sum, int32_t total, int32_t half)
{
    return (int8_t)((sum < 0 ? sum - half : sum + half) / total);
}

#endif
