#include "slimse_mask_s8_f32.h"

static float gain_of(const slimse_mask_s8_f32_t *scale, int8_t value)
{
    return (float)(value - scale->zero_point) * scale->gain;
}

void slimse_magnitude_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                  slimse_complex_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_complex_t *turns = scale->spectrum.turns;
    slimse_complex_t *low = spectrum + 1;
    slimse_complex_t *high = spectrum + hop - 1;

    spectrum[0] = slimse_join_ends(spectrum[0].re * gain_of(scale, mask[0]),
                                   spectrum[0].im * gain_of(scale, mask[hop]));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t packed =
            slimse_join(slimse_scaled(*low, gain_of(scale, mask[k])),
                        slimse_scaled(*high, gain_of(scale, mask[hop - k])), turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}

static slimse_complex_t gains_of(const slimse_mask_s8_f32_t *scale, const int8_t *values)
{
    const slimse_complex_t gains = {gain_of(scale, values[0]), gain_of(scale, values[1])};
    return gains;
}

void slimse_complex_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                slimse_complex_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_complex_t *turns = scale->spectrum.turns;
    slimse_complex_t *low = spectrum + 1;
    slimse_complex_t *high = spectrum + hop - 1;

    spectrum[0] = slimse_join_ends(spectrum[0].re * gain_of(scale, mask[0]),
                                   spectrum[0].im * gain_of(scale, mask[2 * hop]));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t packed =
            slimse_join(slimse_product(*low, gains_of(scale, mask + 2 * k)),
                        slimse_product(*high, gains_of(scale, mask + 2 * (hop - k))), turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}
