/** The exponential of the attention kernels; slimse_mcu/ops/attention.py holds the same table. */
#ifndef SLIMSE_EXP_H
#define SLIMSE_EXP_H

#include "slimse_curves.h"

#include <string.h>

/** exp(-x) at x = 0, 1/16, .. 16, Q15. */
static const int16_t slimse_exp_q15[257] = {
    32767, 30782, 28917, 27165, 25519, 23973, 22520, 21156, 19874, 18670, 17539, 16476, 15478,
    14540, 13659, 12832, 12054, 11324, 10638, 9993, 9388, 8819, 8285, 7783, 7311, 6868, 6452, 6061,
    5694, 5349, 5025, 4721, 4435, 4166, 3913, 3676, 3454, 3244, 3048, 2863, 2690, 2527, 2374, 2230,
    2095, 1968, 1849, 1737, 1631, 1533, 1440, 1352, 1271, 1194, 1121, 1053, 989, 930, 873, 820, 771,
    724, 680, 639, 600, 564, 530, 498, 467, 439, 412, 387, 364, 342, 321, 302, 283, 266, 250, 235,
    221, 207, 195, 183, 172, 162, 152, 143, 134, 126, 118, 111, 104, 98, 92, 86, 81, 76, 72, 67, 63,
    59, 56, 52, 49, 46, 43, 41, 38, 36, 34, 32, 30, 28, 26, 25, 23, 22, 21, 19, 18, 17, 16, 15, 14,
    13, 12, 12, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 2, 2, 2,
    2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
};

/**
 * Replace scores by their weights exp(score - highest), Q15, in half the memory.
 *
 * @param scores [2 * count]: each score is an int32 in two halves.
 * @param limit Differences are cut to this, which stands for 16; limit x multiplier is below 2^31.
 * @param multiplier From a difference to Q12, with shift, 15 .. 31.
 * @return the sum of the weights.
 */
static inline int32_t slimse_exp_weigh(int16_t *scores, uint32_t count, int32_t highest, int32_t limit,
                                       int32_t multiplier, int shift)
{
    int32_t sum = 0;

    for (uint32_t key = 0; key < count; key++) {
        int32_t value;
        memcpy(&value, &scores[2U * key], sizeof value);
        const int32_t difference = highest - value < limit ? highest - value : limit;
        const int32_t exponent = (difference * multiplier) >> shift;
        const int32_t weight = slimse_interpolate(slimse_exp_q15, exponent + INT16_MIN);
        scores[key] = (int16_t)weight;
        sum += weight;
    }
    return sum;
}

#endif
