#include "slimse_add_s8.h"
#include "slimse_channels.h"
#include "slimse_requantize.h"

/* Both inputs are brought to a common scale this many bits finer. */
enum { LEFT_SHIFT = 20 };

/* Four elements of an input at the common scale. */
static inline int32x4_t common(const int8_t *input, int32_t offset, int32x4_t multiplier, int32x4_t shift,
                               mve_pred16_t some)
{
    const int32x4_t value = vaddq_n_s32(vldrbq_z_s32(input, some), offset);
    return slimse_requantize_vector(vshlq_n_s32(value, LEFT_SHIFT), multiplier, shift);
}

void slimse_add_s8(const slimse_add_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                   const int8_t *input1, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_add_s8_t l = *layer;
    const int32x4_t low = vdupq_n_s32(l.output_min - l.output_offset);
    const int32x4_t high = vdupq_n_s32(l.output_max - l.output_offset);

    for (uint32_t i = 0; i < l.size; i += 4U) {
        const mve_pred16_t some = vctp32q(l.size - i);
        const int32x4_t first = common(&input0[i], l.input0_offset, vdupq_n_s32(l.input0_multiplier),
                                       vdupq_n_s32(l.input0_shift), some);
        const int32x4_t second = common(&input1[i], l.input1_offset, vdupq_n_s32(l.input1_multiplier),
                                        vdupq_n_s32(l.input1_shift), some);
        const int32x4_t scaled = slimse_requantize_vector(
            vaddq_s32(first, second), vdupq_n_s32(l.output_multiplier), vdupq_n_s32(l.output_shift));

        vstrbq_p_s32(&output[i], vaddq_n_s32(vmaxq_s32(vminq_s32(scaled, high), low), l.output_offset), some);
    }
    if (channels != NULL) {
        slimse_close_s8(channels, l.size, l.output_offset, output);
    }
}
