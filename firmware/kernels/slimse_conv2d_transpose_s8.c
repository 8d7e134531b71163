#include "slimse_conv2d_transpose_s8.h"

uint32_t slimse_conv2d_transpose_s8(const slimse_conv2d_transpose_s8_t *layer, const slimse_spans_t *spans,
                                    const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output)
{
    const slimse_planes_t *planes = &layer->planes;
    slimse_planes_input_t from;
    uint32_t taps = 0;

    from.spans = spans;
    from.spacing = 1U;
    slimse_ring_taps(from.frames, planes->taps, planes->dilation, (uint32_t)planes->inputs * planes->columns, input,
                     ring, next);
    for (uint32_t position = 0; position < planes->positions; position++) {
        const slimse_window_t window =
            slimse_window_transposed(position, layer->stride, layer->left, planes->kernel, planes->inputs);

        slimse_planes_position(planes, &layer->linear, &from, &window, output);
        taps += window.count;
        output += planes->output_pitch;
    }
    return slimse_planes_macs(planes, spans, taps);
}
