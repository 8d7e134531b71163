/** Weights of an attention from its scores, four keys at a time; slimse_exp.h does the same to one. */
#ifndef SLIMSE_EXP_WEIGHTS_H
#define SLIMSE_EXP_WEIGHTS_H

#include "slimse_exp.h"

#include <arm_mve.h>

/**
 * exp(score - the highest one), Q15.
 *
 * @param scores [count]
 * @param count 1 or more.
 * @param limit Differences are cut to this, which stands for 16; limit x multiplier is below 2^31.
 * @param multiplier From a difference to Q12, with shift, 15 .. 31.
 * @param weights [count], may lie where the scores do
 * @return the sum of the weights.
 */
static inline int32_t slimse_exp_weights(const int32_t *scores, uint32_t count, int32_t limit, int32_t multiplier,
                                         int32_t shift, int16_t *weights)
{
    const int32x4_t limits = vdupq_n_s32(limit);
    int32_t highest = INT32_MIN;
    int32_t sum = 0;

    for (uint32_t i = 0; i < count; i += 4U) {
        const mve_pred16_t some = vctp32q(count - i);
        highest = vmaxvq_p_s32(highest, vldrwq_z_s32(&scores[i], some), some);
    }
    const int32x4_t most = vdupq_n_s32(highest);
    for (uint32_t i = 0; i < count; i += 4U) {
        const mve_pred16_t some = vctp32q(count - i);
        const int32x4_t difference = vminq_s32(vsubq_s32(most, vldrwq_z_s32(&scores[i], some)), limits);
        const int32x4_t exponent = vminq_s32(vshlq_r_s32(vmulq_n_s32(difference, multiplier), -shift),
                                             vdupq_n_s32(UINT16_MAX));
        const uint32x4_t entry = vreinterpretq_u32_s32(vshrq_n_s32(exponent, 8));
        const int32x4_t fraction = vandq_s32(exponent, vdupq_n_s32(255));
        const int32x4_t low = vldrhq_gather_shifted_offset_s32(slimse_exp_q15, entry);
        const int32x4_t high = vldrhq_gather_shifted_offset_s32(&slimse_exp_q15[1], entry);
        const int32x4_t weight = vaddq_s32(low, vrshrq_n_s32(vmulq_s32(vsubq_s32(high, low), fraction), 8));

        vstrhq_p_s32(&weights[i], weight, some);
        sum = vaddvaq_p_s32(sum, weight, some);
    }
    return sum;
}

#endif
