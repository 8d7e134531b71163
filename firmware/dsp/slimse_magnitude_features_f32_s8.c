#include "slimse_features_f32_s8.h"

#include "slimse_power_f32.h"

/* Compression and quantization are one ascending function of the power, so that its steps give the
 * exactly rounded result without root or exponent. */
static int8_t step_of(const slimse_steps_t *steps, float re, float im)
{
    return slimse_step_of(steps, slimse_float_bits(re * re + im * im));
}

void slimse_magnitude_features_f32_s8(const slimse_magnitude_features_f32_s8_t *compression,
                                      slimse_complex_t *packed, int8_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_complex_t *turns = compression->spectrum.turns;
    const slimse_steps_t steps = compression->steps;
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends(packed[0]);
    features[0] = step_of(&steps, packed[0].re, 0.0f);
    features[hop] = step_of(&steps, packed[0].im, 0.0f);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t bins = slimse_split(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        features[k] = step_of(&steps, bins.low.re, bins.low.im);
        features[hop - k] = step_of(&steps, bins.high.re, bins.high.im);
    }
}
