#include "slimse_mask_s16_s32.h"

static slimse_complex_s32_t scaled(slimse_complex_s32_t x, int32_t gain)
{
    const slimse_complex_s32_t y = {slimse_half_product(x.re, gain),
                                    slimse_half_product(x.im, gain)};
    return y;
}

void slimse_magnitude_mask_s16_s32(const slimse_mask_s16_s32_t *scale, const int16_t *mask,
                                   slimse_complex_s32_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_turn_t *turns = scale->spectrum.turns;
    slimse_complex_s32_t *low = spectrum + 1;
    slimse_complex_s32_t *high = spectrum + hop - 1;

    spectrum[0] = slimse_join_ends_s32(
        slimse_half_product(spectrum[0].re, slimse_gain_s16_s32(scale, mask[0])),
        slimse_half_product(spectrum[0].im, slimse_gain_s16_s32(scale, mask[hop])));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_s32_t packed =
            slimse_join_s32(scaled(*low, slimse_gain_s16_s32(scale, mask[k])),
                            scaled(*high, slimse_gain_s16_s32(scale, mask[hop - k])), turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}
