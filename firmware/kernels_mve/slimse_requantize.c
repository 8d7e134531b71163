#include "slimse_requantize.h"

void slimse_requantize_any(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                           int8_t *output)
{
    slimse_requantize_plus_any(to, row, count, sums, output, 0);
}

void slimse_requantize_plus_any(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                                int8_t *output, int32_t plus)
{
    for (uint32_t i = 0; i < count; i += 4U) {
        const mve_pred16_t some = vctp32q(count - i);
        const int32x4_t multiplier = vldrwq_s32(&to->multiplier[row + i]);
        const int32x4_t shift = vldrbq_s32(&to->shift[row + i]);
        const int32x4_t sum = vaddq_n_s32(vldrwq_s32(&sums[i]), plus);
        const int32x4_t scaled = slimse_requantize_vector(sum, multiplier, shift);

        vstrbq_p_s32(&output[i], slimse_clamp_vector(to, scaled), some);
    }
}

void slimse_requantize_listed_any(const slimse_rescaling_t *to, const uint16_t *open, uint32_t count,
                                  const int32_t *sums, int8_t *output)
{
    for (uint32_t i = 0; i < count; i += 4U) {
        const mve_pred16_t some = vctp32q(count - i);
        const uint32x4_t row = vldrhq_z_u32(&open[i], some);
        const int32x4_t multiplier = vldrwq_gather_shifted_offset_s32(to->multiplier, row);
        const int32x4_t shift = vldrbq_gather_offset_s32(to->shift, row);
        const int32x4_t scaled = slimse_requantize_vector(vldrwq_z_s32(&sums[i], some), multiplier, shift);

        vstrbq_scatter_offset_p_s32(output, row, slimse_clamp_vector(to, scaled), some);
    }
}

void slimse_requantize_positions_any(const slimse_rescaling_t *to, uint32_t rows, uint32_t positions,
                                     const int32_t *sums, int8_t *output, uint32_t output_pitch)
{
    for (uint32_t position = 0; position < positions; position++) {
        slimse_requantize_any(to, 0, rows, sums, output);
        sums += (rows + 3U) & ~3U;
        output += output_pitch;
    }
}
