/* Four bins at a time.  The operations are those of
 * firmware/dsp/slimse_magnitude_features_f32_s8.c. */
#include "slimse_features_f32_s8.h"

#include "slimse_power_f32.h"
#include "slimse_spectrum_f32_mve.h"

static int8_t step_of(const slimse_steps_t *steps, float part)
{
    return slimse_step_of(steps, slimse_float_bits(part * part));
}

/* slimse_step_of for four numbers. */
static int32x4_t steps_of(const slimse_steps_t *steps, uint32x4_t numbers)
{
    const uint32x4_t buckets =
        vqsubq_n_u32(vshlq_r_u32(numbers, -(int32_t)steps->shift), steps->first);
    int32x4_t levels = vldrbq_gather_offset_s32(steps->starts, buckets);
    uint32x4_t thresholds =
        vldrwq_gather_shifted_offset_u32(steps->thresholds + 1, vreinterpretq_u32_s32(levels));

    levels = vaddq_m_n_s32(levels, levels, 2, vcmpcsq_u32(numbers, thresholds));
    thresholds = vldrwq_gather_shifted_offset_u32(steps->thresholds, vreinterpretq_u32_s32(levels));
    return vaddq_m_n_s32(levels, levels, 1, vcmpcsq_u32(numbers, thresholds));
}

/* Powers of the four bins, in the order of slimse_vector_bins. */
static float32x4_t powers_of(slimse_vector_bins_t bins, mve_pred16_t first)
{
    const float32x4_t low = vmulq_f32(bins.low, bins.low);
    const float32x4_t high = vmulq_f32(bins.high, bins.high);

    return vpselq_f32(vaddq_f32(low, vrev64q_f32(low)), vaddq_f32(high, vrev64q_f32(high)),
                      first);
}

void slimse_magnitude_features_f32_s8(const slimse_magnitude_features_f32_s8_t *compression,
                                      slimse_complex_t *packed, int8_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const float *turns = &compression->spectrum.turns->re;
    const slimse_steps_t steps = compression->steps;
    const uint64x2_t downwards = slimse_vector_downwards();
    const mve_pred16_t first = slimse_vector_first_of_two();
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;
    uint32x4_t bins = slimse_vector_bins(hop);

    packed[0] = slimse_split_ends(packed[0]);
    features[0] = step_of(&steps, packed[0].re);
    features[hop] = step_of(&steps, packed[0].im);
    for (uint32_t k = 1; k <= hop / 2; k += 2, low += 2, high -= 2, turns += 4) {
        const slimse_vector_bins_t values = slimse_vector_split(
            vldrwq_f32(&low->re), slimse_vector_load_down(high, downwards), vldrwq_f32(turns));
        vstrwq_f32(&low->re, values.low);
        slimse_vector_store_down(high, downwards, values.high);
        const int32x4_t levels = steps_of(&steps, vreinterpretq_u32_f32(powers_of(values, first)));
        vstrbq_scatter_offset_s32(features, bins, levels);
        bins = vaddq_u32(bins, slimse_vector_bins_step());
    }
}
