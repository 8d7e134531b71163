/* Four bins at a time.  The operations are those of firmware/dsp/slimse_magnitude_mask_s8_f32.c. */
#include "slimse_mask_s8_f32.h"

#include "slimse_spectrum_f32_mve.h"

void slimse_magnitude_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                  slimse_complex_t *spectrum)
{
    const uint32_t hop = scale->spectrum.hop;
    const float *turns = &scale->spectrum.turns->re;
    const uint64x2_t downwards = slimse_vector_downwards();
    const mve_pred16_t first = slimse_vector_first_of_two();
    slimse_complex_t *low = spectrum + 1;
    slimse_complex_t *high = spectrum + hop - 1;
    uint32x4_t bins = slimse_vector_bins(hop);

    spectrum[0] = slimse_join_ends(spectrum[0].re * slimse_gain_s8_f32(scale, mask[0]),
                                   spectrum[0].im * slimse_gain_s8_f32(scale, mask[hop]));
    for (uint32_t k = 1; k <= hop / 2; k += 2, low += 2, high -= 2, turns += 4) {
        const int32x4_t values =
            vsubq_n_s32(vldrbq_gather_offset_s32(mask, bins), scale->zero_point);
        const float32x4_t gains = vmulq_n_f32(vcvtq_f32_s32(values), scale->gain);
        const float32x4_t exchanged = vrev64q_f32(gains);
        const float32x4_t low_gains = vpselq_f32(gains, exchanged, first);
        const float32x4_t high_gains = vpselq_f32(exchanged, gains, first);
        const slimse_vector_bins_t packed = slimse_vector_join(
            vmulq_f32(vldrwq_f32(&low->re), low_gains),
            vmulq_f32(slimse_vector_load_down(high, downwards), high_gains), vldrwq_f32(turns));
        vstrwq_f32(&low->re, packed.low);
        slimse_vector_store_down(high, downwards, packed.high);
        bins = vaddq_u32(bins, slimse_vector_bins_step());
    }
}
