#include "slimse_features_s32_s8.h"

/* Compression and quantization are one ascending function of the power, so that its steps give the
 * rounded result without root or exponent. */
static int8_t step_of(const slimse_steps_t *steps, int32_t re, int32_t im)
{
    const slimse_complex_s32_t bin = {re, im};

    return slimse_step_of(steps, slimse_power_of(bin));
}

void slimse_magnitude_features_s32_s8(const slimse_magnitude_features_s32_s8_t *compression,
                                      slimse_complex_s32_t *packed, int8_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_turn_t *turns = compression->spectrum.turns;
    const slimse_steps_t steps = compression->steps;
    slimse_complex_s32_t *low = packed + 1;
    slimse_complex_s32_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends_s32(packed[0]);
    features[0] = step_of(&steps, packed[0].re, 0);
    features[hop] = step_of(&steps, packed[0].im, 0);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_s32_t bins = slimse_split_s32(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        features[k] = step_of(&steps, bins.low.re, bins.low.im);
        features[hop - k] = step_of(&steps, bins.high.re, bins.high.im);
    }
}
