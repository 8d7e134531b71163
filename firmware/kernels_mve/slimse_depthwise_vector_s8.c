#include "slimse_depthwise_vector_s8.h"
#include "slimse_channels.h"
#include "slimse_ring.h"
#include "slimse_three_taps.h"

/* Consecutive channels, any number of taps. */
static void some_channels(const slimse_depthwise_vector_s8_t *layer, const int8_t *const *frames, uint32_t first,
                          uint32_t end, int8_t *output)
{
    for (uint32_t channel = first; channel < end; channel += 4U) {
        const mve_pred16_t some = vctp32q(end - channel);
        const int8_t *weight = &layer->weights[channel];
        int32x4_t sum = vldrwq_s32(&layer->bias_and_shift[channel]);

        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            const int32x4_t value = vldrbq_z_s32(&frames[tap][channel], some);
            sum = vaddq_s32(sum, vmulq_s32(value, vldrbq_z_s32(weight, some)));
            weight += layer->channels;
        }
        sum = slimse_rescale_vector(&layer->rescale, sum, vldrwq_s32(&layer->rescale.multiplier[channel]));
        vstrbq_p_s32(&output[channel], sum, some);
    }
}

static void all_channels(const slimse_depthwise_vector_s8_t *layer, const int8_t *const *frames, int8_t *output)
{
    uint32_t done = 0;

    if (layer->taps == 3U && layer->channels >= 8U) {
        done = layer->channels & ~7U;
        slimse_three_taps_s8(&layer->rescale, frames, layer->weights, layer->channels, layer->bias_and_shift, done,
                             output);
    }
    some_channels(layer, frames, done, layer->channels, output);
}

/* The sums of four listed channels. */
static int32x4_t sum_listed(const slimse_depthwise_vector_s8_t *layer, const int8_t *const *frames, uint32x4_t channel)
{
    const int8_t *weight = layer->weights;
    int32x4_t sum = vldrwq_gather_shifted_offset_s32(layer->bias_and_shift, channel);

    for (uint32_t tap = 0; tap < layer->taps; tap++) {
        const int32x4_t value = vldrbq_gather_offset_s32(frames[tap], channel);
        sum = vaddq_s32(sum, vmulq_s32(value, vldrbq_gather_offset_s32(weight, channel)));
        weight += layer->channels;
    }
    return sum;
}

static void open_channels(const slimse_depthwise_vector_s8_t *layer, const slimse_gate_t *rows,
                          const int8_t *const *frames, int8_t *output)
{
    const slimse_rescaling_t *const to = &layer->rescale;

    slimse_fill_s8(output, to->output_offset, layer->channels);
    if (rows->open_count == 0U) {
        return;
    }
    if (layer->taps == 3U) {
        slimse_three_taps_listed_s8(to, frames, layer->weights, layer->channels, layer->bias_and_shift,
                                    rows->open, rows->open_count, output);
        return;
    }
    for (uint32_t i = 0; i < rows->open_count; i += 4U) {
        const mve_pred16_t some = vctp32q(rows->open_count - i);
        const uint32x4_t channel = vldrhq_z_u32(&rows->open[i], some);
        const int32x4_t multiplier = vldrwq_gather_shifted_offset_s32(to->multiplier, channel);
        const int32x4_t sum = sum_listed(layer, frames, channel);

        vstrbq_scatter_offset_p_s32(output, channel, slimse_rescale_vector(to, sum, multiplier), some);
    }
}

uint32_t slimse_depthwise_vector_s8(const slimse_depthwise_vector_s8_t *layer, const slimse_gate_t *rows,
                                    const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output)
{
    const int8_t *frames[SLIMSE_MAX_TAPS];
    const uint32_t open = rows != NULL ? rows->open_count : layer->channels;

    slimse_ring_taps(frames, layer->taps, layer->dilation, layer->channels, input, ring, next);
    if (open < layer->all_from) {
        open_channels(layer, rows, frames, output);
    } else {
        all_channels(layer, frames, output);
        if (open < layer->channels) {
            slimse_close_s8(rows, layer->channels, layer->rescale.output_offset, output);
        }
    }
    return open * layer->taps;
}
