#include "slimse_conv2d_rows_s8.h"

uint32_t slimse_conv2d_rows_s8(const slimse_conv2d_rows_s8_t *layer, const slimse_spans_t *spans, const int8_t *input,
                               const int8_t *ring, uint16_t next, int16_t *scratch, int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    slimse_planes_work_t work;
    uint32_t taps = 0;

    slimse_planes_rows_begin(planes, spans, layer->spacing, input, ring, next, scratch, &work);
    for (uint32_t position = 0; position < planes->positions; position++) {
        const slimse_window_t window = slimse_window_at(position, layer->stride, layer->left, layer->spacing,
                                                        planes->kernel, planes->inputs);

        slimse_planes_rows_position(planes, &work, &window, output);
        taps += window.count;
        output += planes->output_pitch;
    }
    return slimse_planes_rows_macs(planes, spans, taps);
}
