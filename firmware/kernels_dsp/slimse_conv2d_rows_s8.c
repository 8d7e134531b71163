#include "slimse_conv2d_rows_s8.h"

uint32_t slimse_conv2d_rows_s8(const slimse_conv2d_rows_s8_t *layer, const slimse_spans_t *spans, const int8_t *input,
                               const int8_t *ring, uint16_t next, int16_t *scratch, int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    const int is_whole = planes->columns % 4U == 0U;
    slimse_planes_work_t work;
    slimse_planes_strip_t strip = {
        .pitch = is_whole ? layer->stride * slimse_lane_bytes(planes->columns)
                          : slimse_lane_bytes((uint32_t)planes->taps * planes->kernel * planes->columns),
        .taps = planes->kernel,
        .spacing = layer->spacing,
        .output_pitch = planes->output_pitch,
    };

    slimse_planes_rows_begin(planes, spans, input, ring, next, scratch, &work);
    for (uint32_t position = 0; position < planes->positions; position += planes->chunk) {
        const uint32_t left = planes->positions - position;
        const int32_t first = (int32_t)(position * layer->stride) - (int32_t)layer->left;

        strip.positions = left < planes->chunk ? left : planes->chunk;
        strip.output = &output[position * planes->output_pitch];
        if (is_whole) {
            slimse_planes_rows_frames(planes, &work, first,
                                      (strip.positions - 1U) * layer->stride +
                                          (planes->kernel - 1U) * layer->spacing + 1U);
        } else {
            slimse_planes_rows_windows(planes, &work, first, layer->stride, layer->spacing, strip.positions);
        }
        slimse_planes_rows_strip(planes, &work, &strip);
    }
    return slimse_planes_rows_macs(planes, spans);
}
