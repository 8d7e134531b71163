#include "slimse_pointwise_rows_s8.h"

uint32_t slimse_pointwise_rows_s8(const slimse_pointwise_rows_s8_t *layer, const slimse_spans_t *spans,
                                  const int8_t *input, int16_t *scratch, int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    slimse_planes_work_t work;

    slimse_planes_rows_begin(planes, spans, 1U, input, NULL, 0U, scratch, &work);
    for (uint32_t position = 0; position < planes->positions; position++) {
        const slimse_window_t window = {0U, 1U, position};

        slimse_planes_rows_position(planes, &work, &window, output);
        output += planes->output_pitch;
    }
    return slimse_planes_rows_macs(planes, spans, planes->positions);
}
