#include "slimse_mask_s16_s32.h"

void slimse_complex_mask_s16_s32(const slimse_mask_s16_s32_t *scale, const int16_t *mask,
                                 slimse_complex_s32_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_turn_t *turns = scale->spectrum.turns;
    slimse_complex_s32_t *low = spectrum + 1;
    slimse_complex_s32_t *high = spectrum + hop - 1;

    spectrum[0] = slimse_join_ends_s32(
        slimse_half_product(spectrum[0].re, slimse_gain_s16_s32(scale, mask[0])),
        slimse_half_product(spectrum[0].im, slimse_gain_s16_s32(scale, mask[2 * hop])));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_complex_s32_t masked_low =
            slimse_half_product_s32(*low, slimse_gains_s16_s32(scale, mask + 2 * k));
        const slimse_complex_s32_t masked_high =
            slimse_half_product_s32(*high, slimse_gains_s16_s32(scale, mask + 2 * (hop - k)));
        const slimse_bins_s32_t packed = slimse_join_s32(masked_low, masked_high, turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}
