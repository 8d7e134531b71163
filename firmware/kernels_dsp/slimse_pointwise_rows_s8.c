#include "slimse_pointwise_rows_s8.h"

uint32_t slimse_pointwise_rows_s8(const slimse_pointwise_rows_s8_t *layer, const slimse_spans_t *spans,
                                  const int8_t *input, int16_t *scratch, int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    slimse_planes_work_t work;
    slimse_planes_strip_t strip = {
        .pitch = slimse_lane_bytes(planes->columns),
        .taps = 1,
        .output_pitch = planes->output_pitch,
    };

    slimse_planes_rows_begin(planes, spans, input, NULL, 0U, scratch, &work);
    for (uint32_t position = 0; position < planes->positions; position += planes->chunk) {
        const uint32_t left = planes->positions - position;

        strip.positions = left < planes->chunk ? left : planes->chunk;
        strip.output = &output[position * planes->output_pitch];
        if (planes->columns % 4U == 0U) {
            slimse_planes_rows_frames(planes, &work, (int32_t)position, strip.positions);
        } else {
            slimse_planes_rows_windows(planes, &work, (int32_t)position, 1U, 1U, strip.positions);
        }
        slimse_planes_rows_strip(planes, &work, &strip);
    }
    return slimse_planes_rows_macs(planes, spans);
}
