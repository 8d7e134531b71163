#include "slimse_multiply_s8.h"
#include "slimse_channels.h"
#include "slimse_requantize.h"

void slimse_multiply_s8(const slimse_multiply_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                        const int8_t *input1, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_multiply_s8_t l = *layer;
    const int32x4_t multiplier = vdupq_n_s32(l.output_multiplier);
    const int32x4_t shift = vdupq_n_s32(l.output_shift);
    const int32x4_t low = vdupq_n_s32(l.output_min - l.output_offset);
    const int32x4_t high = vdupq_n_s32(l.output_max - l.output_offset);

    for (uint32_t i = 0; i < l.size; i += 4U) {
        const mve_pred16_t some = vctp32q(l.size - i);
        const int32x4_t first = vaddq_n_s32(vldrbq_z_s32(&input0[i], some), l.input0_offset);
        const int32x4_t second = vaddq_n_s32(vldrbq_z_s32(&input1[i], some), l.input1_offset);
        const int32x4_t scaled = slimse_requantize_vector(vmulq_s32(first, second), multiplier, shift);

        vstrbq_p_s32(&output[i], vaddq_n_s32(vmaxq_s32(vminq_s32(scaled, high), low), l.output_offset), some);
    }
    if (channels != NULL) {
        slimse_close_s8(channels, l.size, l.output_offset, output);
    }
}
