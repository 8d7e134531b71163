#include "slimse_conv2d_transpose_rows_s8.h"

/* The outputs of one rest that read up to the inputs first .. first + count - 1, of which all that they need is widened. */
static void compute_rest(const slimse_conv2d_transpose_rows_s8_t *layer, const slimse_planes_work_t *work,
                         uint32_t rest, uint32_t first, uint32_t count, int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    const uint32_t each = planes->kernel / layer->stride;
    const uint32_t more = planes->kernel % layer->stride;
    const uint32_t most = each + (more > 0U ? 1U : 0U);
    const uint32_t taps = each + (rest < more ? 1U : 0U);
    const uint32_t end = planes->positions + layer->left; /* of the outputs, those left out included */
    uint32_t skipped = 0;
    uint32_t at = first * layer->stride + rest;
    slimse_planes_strip_t strip = {
        .pitch = slimse_lane_bytes(planes->columns),
        .tap = rest * each + (rest < more ? rest : more),
        .taps = taps,
        .spacing = 1,
        .output_pitch = (uint32_t)planes->output_pitch * layer->stride,
    };

    while (skipped < count && at < layer->left) {
        skipped++;
        at += layer->stride;
    }
    if (skipped == count || at >= end) {
        return;
    }
    const uint32_t there = (end - at + layer->stride - 1U) / layer->stride;
    strip.positions = there < count - skipped ? there : count - skipped;
    strip.offset = (skipped + most - taps) * slimse_lane_bytes(planes->columns);
    strip.output = &output[(at - layer->left) * planes->output_pitch];
    slimse_planes_rows_strip(planes, work, &strip);
}

uint32_t slimse_conv2d_transpose_rows_s8(const slimse_conv2d_transpose_rows_s8_t *layer, const slimse_spans_t *spans,
                                         const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                         int8_t *output)
{
    const slimse_planes_rows_t *planes = &layer->planes;
    const uint32_t most = (planes->kernel + layer->stride - 1U) / layer->stride;
    const uint32_t last = (planes->positions + (uint32_t)layer->left - 1U) / layer->stride;
    slimse_planes_work_t work;

    slimse_planes_rows_begin(planes, spans, input, ring, next, scratch, &work);
    for (uint32_t first = layer->left / layer->stride; first <= last; first += planes->chunk) {
        const uint32_t left = last - first + 1U;
        const uint32_t count = left < planes->chunk ? left : planes->chunk;

        slimse_planes_rows_frames(planes, &work, (int32_t)first + 1 - (int32_t)most, count + most - 1U);
        for (uint32_t rest = 0; rest < layer->stride; rest++) {
            compute_rest(layer, &work, rest, first, count, output);
        }
    }
    return slimse_planes_rows_macs(planes, spans);
}
