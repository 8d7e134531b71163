#include "slimse_mask_s16_s32.h"

static int16_t gain_of(const slimse_mask_s16_s32_t *scale, int16_t value)
{
    const int32_t product = value * scale->multiplier;

    return (int16_t)((product + (int32_t)(1u << (scale->shift - 1u))) >> scale->shift);
}

static slimse_complex_s32_t scaled(slimse_complex_s32_t x, int32_t gain)
{
    const slimse_complex_s32_t y = {slimse_half_product(x.re, gain), slimse_half_product(x.im, gain)};
    return y;
}

void slimse_magnitude_mask_s16_s32(const slimse_mask_s16_s32_t *scale, const int16_t *mask,
                                  slimse_complex_s32_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_turn_t *turns = scale->spectrum.turns;
    slimse_complex_s32_t *low = spectrum + 1;
    slimse_complex_s32_t *high = spectrum + hop - 1;

    spectrum[0] =
        slimse_join_ends_s32(slimse_half_product(spectrum[0].re, gain_of(scale, mask[0])),
                             slimse_half_product(spectrum[0].im, gain_of(scale, mask[hop])));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_s32_t packed =
            slimse_join_s32(scaled(*low, gain_of(scale, mask[k])),
                            scaled(*high, gain_of(scale, mask[hop - k])), turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}

static slimse_turn_t gains_of(const slimse_mask_s16_s32_t *scale, const int16_t *values)
{
    const slimse_turn_t gains = {gain_of(scale, values[0]), gain_of(scale, values[1])};
    return gains;
}

void slimse_complex_mask_s16_s32(const slimse_mask_s16_s32_t *scale, const int16_t *mask,
                                slimse_complex_s32_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_turn_t *turns = scale->spectrum.turns;
    slimse_complex_s32_t *low = spectrum + 1;
    slimse_complex_s32_t *high = spectrum + hop - 1;

    spectrum[0] =
        slimse_join_ends_s32(slimse_half_product(spectrum[0].re, gain_of(scale, mask[0])),
                             slimse_half_product(spectrum[0].im, gain_of(scale, mask[2 * hop])));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_complex_s32_t masked_low =
            slimse_half_product_s32(*low, gains_of(scale, mask + 2 * k));
        const slimse_complex_s32_t masked_high =
            slimse_half_product_s32(*high, gains_of(scale, mask + 2 * (hop - k)));
        const slimse_bins_s32_t packed = slimse_join_s32(masked_low, masked_high, turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}
