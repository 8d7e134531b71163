#include "slimse_conv2d_quads_s8.h"
#include "slimse_ring.h"

uint32_t slimse_conv2d_quads_s8(const slimse_conv2d_quads_s8_t *layer, const slimse_spans_t *spans,
                                const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                int8_t *output)
{
    const slimse_plane_sizes_t *const planes = &layer->planes;
    const uint32_t channels = spans != NULL ? spans->channels : planes->columns;
    const int8_t *frames[SLIMSE_MAX_TAPS];
    const slimse_plane_outputs_t outputs = {
        .weights = layer->weights,
        .bias_and_shift = layer->bias_and_shift,
        .kernel = planes->kernel,
        .spacing = layer->spacing,
        .start = -(int32_t)layer->left,
        .step = layer->stride,
        .count = planes->positions,
        .output = output,
        .output_pitch = planes->output_pitch,
    };

    slimse_ring_taps(frames, planes->taps, planes->dilation, (uint32_t)planes->inputs * planes->columns, input, ring,
                     next);
    const uint32_t taps = slimse_plane_outputs(planes, &layer->rescale, &outputs, frames,
                                               slimse_some_spans(spans, planes->columns), (int8_t *)scratch);
    return taps * planes->taps * planes->rows * channels;
}
