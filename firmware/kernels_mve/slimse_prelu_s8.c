#include "slimse_prelu_s8.h"
#include "slimse_channels.h"
#include "slimse_requantize.h"

void slimse_prelu_s8(const slimse_prelu_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                     int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_prelu_s8_t l = *layer;
    const int32x4_t low = vdupq_n_s32(INT8_MIN - l.output_offset);
    const int32x4_t high = vdupq_n_s32(INT8_MAX - l.output_offset);

    for (uint32_t i = 0; i < l.size; i += 4U) {
        const mve_pred16_t some = vctp32q(l.size - i);
        const int32x4_t value = vaddq_n_s32(vldrbq_z_s32(&input[i], some), l.input_offset);
        const int32x4_t slope = vaddq_n_s32(vldrbq_z_s32(&l.slopes[i], some), l.slope_offset);
        const mve_pred16_t negative = vcmpltq_n_s32(value, 0);
        const int32x4_t product = vmulq_m_s32(value, value, slope, negative);
        const int32x4_t multiplier =
            vdupq_m_n_s32(vdupq_n_s32(l.positive_multiplier), l.negative_multiplier, negative);
        const int32x4_t shift = vdupq_m_n_s32(vdupq_n_s32(l.positive_shift), l.negative_shift, negative);
        const int32x4_t scaled = slimse_requantize_vector(product, multiplier, shift);

        vstrbq_p_s32(&output[i], vaddq_n_s32(vmaxq_s32(vminq_s32(scaled, high), low), l.output_offset), some);
    }
    if (channels != NULL) {
        slimse_close_s8(channels, l.size, l.output_offset, output);
    }
}
