#include "slimse_bands_vector_s8.h"
#include "slimse_requantize.h"

/* Zero point and clamp of scaled values. */
static inline int32x4_t clamped(const slimse_bands_vector_s8_t *layer, int32x4_t scaled)
{
    const int32x4_t low = vdupq_n_s32(layer->output_min - layer->output_offset);
    const int32x4_t high = vdupq_n_s32(layer->output_max - layer->output_offset);
    return vaddq_n_s32(vmaxq_s32(vminq_s32(scaled, high), low), layer->output_offset);
}

/* Four rows of a single channel; adds the products that count to macs. */
static int32x4_t row_sums(const slimse_bands_vector_s8_t *layer, const int8_t *input, uint32_t row,
                          mve_pred16_t some, uint32_t *macs)
{
    const uint32x4_t count = vldrhq_z_u32(&layer->count[row], some);
    const uint32_t most = vmaxvq_u32(0U, count);
    uint32x4_t position = vldrhq_z_u32(&layer->first[row], some);
    uint32x4_t weight = vldrhq_z_u32(&layer->start[row], some);
    int32x4_t sum = vdupq_n_s32(0);

    *macs = vaddvaq_u32(*macs, count);
    for (uint32_t i = 0; i < most; i++) {
        const mve_pred16_t there = vcmphiq_n_u32(count, i);
        const int32x4_t value = vldrbq_gather_offset_z_s32(input, position, there);
        const int32x4_t factor = vldrbq_gather_offset_z_s32(layer->weights, weight, there);

        sum = vaddq_s32(sum, vmulq_s32(vaddq_n_s32(value, layer->input_offset), factor));
        position = vaddq_n_u32(position, 1);
        weight = vaddq_n_u32(weight, 1);
    }
    return sum;
}

static uint32_t one_channel(const slimse_bands_vector_s8_t *layer, const int8_t *input, int8_t *output)
{
    uint32_t macs = 0;

    for (uint32_t row = 0; row < layer->rows; row += 4U) {
        const mve_pred16_t some = vctp32q(layer->rows - row);
        const int32x4_t sum = row_sums(layer, input, row, some, &macs);
        const int32x4_t scaled =
            slimse_requantize_vector(sum, vldrwq_s32(&layer->multiplier[row]), vldrbq_s32(&layer->shift[row]));

        vstrbq_p_s32(&output[row], clamped(layer, scaled), some);
    }
    return macs;
}

static uint32_t many_channels(const slimse_bands_vector_s8_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t channels = layer->channels;
    uint32_t macs = 0;

    for (uint32_t row = 0; row < layer->rows; row++) {
        const int8_t *const weights = &layer->weights[layer->start[row]];
        const int32x4_t multiplier = vdupq_n_s32(layer->multiplier[row]);
        const int32x4_t shift = vdupq_n_s32(layer->shift[row]);

        for (uint32_t channel = 0; channel < channels; channel += 4U) {
            const mve_pred16_t some = vctp32q(channels - channel);
            const int8_t *value = &input[layer->first[row] * channels + channel];
            int32x4_t sum = vdupq_n_s32(0);

            for (uint32_t i = 0; i < layer->count[row]; i++) {
                sum = vmlaq_n_s32(sum, vaddq_n_s32(vldrbq_z_s32(value, some), layer->input_offset), weights[i]);
                value += channels;
            }
            const int32x4_t scaled = slimse_requantize_vector(sum, multiplier, shift);
            vstrbq_p_s32(&output[channel], clamped(layer, scaled), some);
        }
        macs += layer->count[row] * channels;
        output += channels;
    }
    return macs;
}

uint32_t slimse_bands_vector_s8(const slimse_bands_vector_s8_t *layer, const int8_t *input, int8_t *output)
{
    return layer->channels == 1U ? one_channel(layer, input, output) : many_channels(layer, input, output);
}
