/** Weights of an attention from its scores, four keys at a time; slimse_exp.h does the same to one. */
#ifndef SLIMSE_EXP_WEIGHTS_H
#define SLIMSE_EXP_WEIGHTS_H

#include "slimse_exp.h"

#include <arm_mve.h>

/** What turns differences of scores into weights. */
typedef struct {
    int32x4_t highest;  /**< the highest score */
    int32_t limit;      /**< differences are cut to this, which stands for 16; limit x multiplier is below 2^31 */
    int32_t multiplier; /**< from a difference to Q12, with shift */
    int32_t shift;      /**< 15 .. 31, to the right */
} slimse_weighing_t;

/** exp(score - highest) of four scores, Q15. */
static inline int32x4_t slimse_weigh(const slimse_weighing_t *by, int32x4_t score)
{
    const int32x4_t difference = vminq_s32(vsubq_s32(by->highest, score), vdupq_n_s32(by->limit));
    const int32x4_t exponent =
        vminq_s32(vshlq_r_s32(vmulq_n_s32(difference, by->multiplier), -by->shift), vdupq_n_s32(UINT16_MAX));
    const uint32x4_t entry = vreinterpretq_u32_s32(vshrq_n_s32(exponent, 8));
    const int32x4_t fraction = vandq_s32(exponent, vdupq_n_s32(255));
    const int32x4_t low = vldrhq_gather_shifted_offset_s32(slimse_exp_q15, entry);
    const int32x4_t high = vldrhq_gather_shifted_offset_s32(&slimse_exp_q15[1], entry);

    return vaddq_s32(low, vrshrq_n_s32(vmulq_s32(vsubq_s32(high, low), fraction), 8));
}

/**
 * exp(score - the highest one), Q15.
 *
 * @param scores [count]
 * @param count 1 or more.
 * @param weights [count], may lie where the scores do
 * @return the sum of the weights.
 */
static inline int32_t slimse_exp_weights(const int32_t *scores, uint32_t count, int32_t limit, int32_t multiplier,
                                         int32_t shift, int16_t *weights)
{
    const uint32_t whole = count & ~3U;
    const mve_pred16_t rest = vctp32q(count - whole);
    int32_t highest = vmaxvq_p_s32(INT32_MIN, vldrwq_z_s32(&scores[whole], rest), rest);
    int32_t sum = 0;

    for (uint32_t i = 0; i < whole; i += 4U) {
        highest = vmaxvq_s32(highest, vldrwq_s32(&scores[i]));
    }
    const slimse_weighing_t by = {vdupq_n_s32(highest), limit, multiplier, shift};
    for (uint32_t i = 0; i < whole; i += 4U) {
        const int32x4_t weight = slimse_weigh(&by, vldrwq_s32(&scores[i]));
        vstrhq_s32(&weights[i], weight);
        sum = vaddvaq_s32(sum, weight);
    }
    if (whole < count) {
        const int32x4_t weight = slimse_weigh(&by, vldrwq_z_s32(&scores[whole], rest));
        vstrhq_p_s32(&weights[whole], weight, rest);
        sum = vaddvaq_p_s32(sum, weight, rest);
    }
    return sum;
}

#endif
