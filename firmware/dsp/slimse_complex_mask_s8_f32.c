#include "slimse_mask_s8_f32.h"

void slimse_complex_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                slimse_complex_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const slimse_complex_t *turns = scale->spectrum.turns;
    slimse_complex_t *low = spectrum + 1;
    slimse_complex_t *high = spectrum + hop - 1;

    spectrum[0] = slimse_join_ends(spectrum[0].re * slimse_gain_s8_f32(scale, mask[0]),
                                   spectrum[0].im * slimse_gain_s8_f32(scale, mask[2 * hop]));
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t packed = slimse_join(
            slimse_product(*low, slimse_gains_s8_f32(scale, mask + 2 * k)),
            slimse_product(*high, slimse_gains_s8_f32(scale, mask + 2 * (hop - k))), turns[k - 1]);
        *low = packed.low;
        *high = packed.high;
    }
}
