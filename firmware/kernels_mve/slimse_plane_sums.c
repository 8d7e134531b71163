#include "slimse_plane_sums.h"
#include "slimse_channels.h"
#include "slimse_span_sums.h"
#include "slimse_window.h"

/* Sums that are held at once, room for those that are read too far included. */
enum { ROWS = 128, SUMS = 256 };

/* One output's inputs side by side, the zero point where a tap falls beside them; the taps that hit. */
static uint32_t lay_patch(const slimse_plane_sizes_t *sizes, const slimse_plane_outputs_t *outputs, int32_t start,
                          const int8_t *const *frames, int8_t *patch)
{
    const uint32_t columns = sizes->columns;
    const slimse_window_t window = slimse_window_clip(start, outputs->spacing, outputs->kernel, sizes->inputs);
    const uint32_t run = outputs->spacing == 1U ? window.count * columns : columns;

    if (window.count < outputs->kernel) {
        slimse_fill_s8(patch, -sizes->input_offset, sizes->taps * outputs->kernel * columns);
    }
    for (uint32_t tap = 0; tap < sizes->taps && window.count > 0U; tap++) {
        const int8_t *from = &frames[tap][window.position * columns];
        int8_t *to = &patch[(tap * outputs->kernel + window.tap) * columns];

        for (uint32_t copied = 0; copied < window.count * columns; copied += run) {
            slimse_copy_s8(to, from, run);
            from += outputs->spacing * columns;
            to += run;
        }
    }
    return window.count;
}

/* Where the inputs of some outputs lie side by side: where they are, if all are there, or in the patch. */
static const int8_t *lay_inputs(const slimse_plane_sizes_t *sizes, const slimse_plane_outputs_t *outputs,
                                int32_t start, slimse_quads_t *job, const int8_t *const *frames, int8_t *patch,
                                uint32_t *taps)
{
    const int32_t end = start + (int32_t)((job->positions - 1U) * outputs->step + outputs->kernel);

    if (sizes->taps == 1U && outputs->spacing == 1U && start >= 0 && end <= (int32_t)sizes->inputs) {
        job->input_pitch = outputs->step * sizes->columns;
        *taps += job->positions * outputs->kernel;
        return &frames[0][(uint32_t)start * sizes->columns];
    }
    job->input_pitch = job->columns;
    for (uint32_t i = 0; i < job->positions; i++) {
        *taps += lay_patch(sizes, outputs, start, frames, &patch[i * job->columns]);
        start += (int32_t)outputs->step;
    }
    return patch;
}

/* Some rows of all outputs, a few outputs at a time; the taps that hit. */
static uint32_t some_rows(const slimse_plane_sizes_t *sizes, const slimse_rescaling_t *layer, uint32_t row,
                          uint32_t rows, const slimse_plane_outputs_t *outputs, const int8_t *const *frames,
                          const slimse_spans_t *spans, int8_t *patch)
{
    const slimse_rescaling_t to = {
        .multiplier = &layer->multiplier[row],
        .output_offset = layer->output_offset,
        .is_rectified = layer->is_rectified,
    };
    const uint32_t columns = sizes->taps * outputs->kernel * sizes->columns;
    const uint32_t quads = (rows + 3U) / 4U;
    const uint32_t by_sums = (SUMS - 4U) / (4U * quads);
    const uint32_t by_patch = sizes->patch_bytes / columns;
    const uint32_t chunk = by_sums < by_patch ? by_sums : by_patch;
    int32_t start = outputs->start;
    int8_t *output = &outputs->output[row];
    uint32_t taps = 0;
    int32_t sums[SUMS];
    int32_t bias[ROWS];
    slimse_quads_t job = {
        .weights = &outputs->weights[row * columns],
        .quads = quads,
        .quad_bytes = 4U * columns,
        .columns = columns,
        .bias = &outputs->bias_and_shift[row],
        .positions = 1,
        .sums = bias,
    };

    if (spans != NULL) {
        slimse_fill_s8(patch, -sizes->input_offset, sizes->columns);
        slimse_closed_bias(&job, spans, sizes->columns, patch);
        job.bias = bias;
    }
    job.sums = sums;
    for (uint32_t left = outputs->count; left > 0U; left -= job.positions) {
        job.positions = left < chunk ? left : chunk;
        job.input = lay_inputs(sizes, outputs, start, &job, frames, patch, &taps);
        if (spans != NULL) {
            slimse_open_sums(&job, spans, sizes->columns);
        } else {
            slimse_quads_s8(&job);
        }
        slimse_requantize_positions(&to, rows, job.positions, sums, output, outputs->output_pitch);
        start += (int32_t)(job.positions * outputs->step);
        output += job.positions * outputs->output_pitch;
    }
    return taps;
}

uint32_t slimse_plane_outputs(const slimse_plane_sizes_t *sizes, const slimse_rescaling_t *to,
                              const slimse_plane_outputs_t *outputs, const int8_t *const *frames,
                              const slimse_spans_t *spans, int8_t *patch)
{
    uint32_t taps = 0;

    for (uint32_t row = 0; row < sizes->rows; row += ROWS) {
        const uint32_t left = sizes->rows - row;
        taps = some_rows(sizes, to, row, left < ROWS ? left : ROWS, outputs, frames, spans, patch);
    }
    return taps;
}
