#include "slimse_planes_rows.h"
#include "slimse_open_columns.h"
#include "slimse_ring.h"
#include "slimse_rows_end.h"

#include <string.h>

enum { QUAD = 4, QUAD_LANE_BYTES = 8, QUAD_WEIGHT_BYTES = 16 };

static uint32_t quads(uint32_t columns)
{
    return (columns + QUAD - 1U) / QUAD;
}

static uint32_t smaller(uint32_t first, uint32_t second)
{
    return first < second ? first : second;
}

void slimse_planes_rows_begin(const slimse_planes_rows_t *layer, const slimse_spans_t *spans, const int8_t *input,
                              const int8_t *ring, uint32_t next, int16_t *scratch, slimse_planes_work_t *work)
{
    work->spans = spans;
    work->lanes = (int32_t *)(void *)scratch;
    work->runs = (slimse_paired_run_t *)(void *)(work->lanes + layer->lane_words);
    work->last = (int8_t *)(work->runs + layer->runs);
    slimse_ring_taps(work->frames, layer->taps, layer->dilation, (uint32_t)layer->inputs * layer->columns, input, ring,
                     next);
}

void slimse_planes_rows_frames(const slimse_planes_rows_t *layer, slimse_planes_work_t *work, int32_t first,
                               uint32_t count)
{
    const uint32_t columns = layer->columns;
    const uint32_t below = smaller(first < 0 ? (uint32_t)-first : 0U, count);
    const uint32_t from = first < 0 ? 0U : (uint32_t)first;
    const uint32_t room = from < layer->inputs ? layer->inputs - from : 0U;
    const uint32_t inside = smaller(room, count - below);
    const uint32_t lane_words = slimse_lane_bytes(columns) / sizeof(int32_t);
    int32_t *lanes = work->lanes;

    work->frame_bytes = count * slimse_lane_bytes(columns);
    for (uint32_t tap = 0; tap < layer->taps; tap++) {
        memset(lanes, 0, below * slimse_lane_bytes(columns));
        lanes += below * lane_words;
        slimse_lanes(&work->frames[tap][from * columns], inside * columns, layer->input_offset, lanes);
        lanes += inside * lane_words;
        memset(lanes, 0, (count - below - inside) * slimse_lane_bytes(columns));
        lanes += (count - below - inside) * lane_words;
    }
}

/* The window of one frame, zero where it lies beside the input; the bytes gather where their lanes will end. */
static int32_t *widen_window(const slimse_planes_rows_t *layer, const int8_t *frame, int32_t first, uint32_t spacing,
                             int32_t *lanes)
{
    const uint32_t columns = layer->columns;
    const uint32_t size = layer->kernel * columns;
    int8_t *const bytes = (int8_t *)lanes + slimse_lane_bytes(size) - size;
    int32_t position = first;

    if (spacing == 1U && first >= 0 && (uint32_t)first + layer->kernel <= layer->inputs) {
        return slimse_lanes(&frame[(uint32_t)first * columns], size, layer->input_offset, lanes);
    }

    for (uint32_t i = 0; i < size; i += columns) {
        const int is_inside = position >= 0 && position < (int32_t)layer->inputs;
        for (uint32_t column = 0; column < columns; column++) {
            bytes[i + column] =
                is_inside ? frame[(uint32_t)position * columns + column] : (int8_t)-layer->input_offset;
        }
        position += (int32_t)spacing;
    }
    /* Each quad of bytes is read before its lanes are written. */
    return slimse_lanes(bytes, size, layer->input_offset, lanes);
}

void slimse_planes_rows_windows(const slimse_planes_rows_t *layer, slimse_planes_work_t *work, int32_t first,
                                uint32_t step, uint32_t spacing, uint32_t positions)
{
    int32_t *lanes = work->lanes;

    work->frame_bytes = slimse_lane_bytes((uint32_t)layer->kernel * layer->columns);
    for (uint32_t i = 0; i < positions; i++) {
        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            lanes = widen_window(layer, work->frames[tap], first, spacing, lanes);
        }
        first += (int32_t)step;
    }
}

/* Read quads from a place among the lanes and the weights on, as part of the last run if they go on with it. */
static slimse_paired_run_t *add_run(slimse_paired_run_t *end, const slimse_paired_run_t *begin, uint32_t values,
                                    uint32_t weights, uint32_t count)
{
    const uint32_t length = count * QUAD_LANE_BYTES;

    if (end != begin && end[-1].values_end == values &&
        end[-1].weights + 2U * (end[-1].values_end - end[-1].values) == weights) {
        end[-1].values_end += length;
        return end;
    }
    end->values = values;
    end->values_end = values + length;
    end->weights = weights;
    return end + 1;
}

/* The open channels of a position, in whole quads: closed ones are exactly zero and may be read. */
static slimse_paired_run_t *add_open(slimse_paired_run_t *end, const slimse_planes_work_t *work, uint32_t values,
                                     uint32_t weights)
{
    uint32_t read = 0; /* quads */

    for (uint32_t i = 0; i < work->spans->ranges; i++) {
        const slimse_span_t *const range = &work->spans->range[i];
        const uint32_t behind = quads((uint32_t)range->first + range->count);
        const uint32_t from = range->first / QUAD > read ? range->first / QUAD : read;

        if (from < behind) {
            end = add_run(end, work->runs, values + from * QUAD_LANE_BYTES, weights + from * QUAD_WEIGHT_BYTES,
                          behind - from);
            read = behind;
        }
    }
    return end;
}

/* The runs of every position of a strip; returns behind the last. */
static slimse_paired_run_t *list_runs(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                                      const slimse_planes_strip_t *strip)
{
    const uint32_t columns = layer->columns;
    const int is_ragged = columns % QUAD != 0U && layer->kernel > 1U;
    slimse_paired_run_t *end = work->runs;

    for (uint32_t time = 0; time < layer->taps; time++) {
        uint32_t values = time * work->frame_bytes;
        uint32_t weights = time * quads(layer->kernel * columns) * QUAD_WEIGHT_BYTES;

        if (is_ragged) {
            end = add_run(end, work->runs, values, weights, quads(layer->kernel * columns));
            continue;
        }
        weights += strip->tap * quads(columns) * QUAD_WEIGHT_BYTES;
        for (uint32_t tap = 0; tap < strip->taps; tap++) {
            if (work->spans != NULL) {
                end = add_open(end, work, values, weights);
            } else {
                end = add_run(end, work->runs, values, weights, quads(columns));
            }
            values += strip->spacing * slimse_lane_bytes(columns);
            weights += quads(columns) * QUAD_WEIGHT_BYTES;
        }
    }
    return end;
}

/* Outputs of a last block that is not whole, from a place of their own. */
static void copy_last(const slimse_planes_strip_t *strip, const int8_t *last, uint32_t rows, int8_t *output)
{
    for (uint32_t i = 0; i < strip->positions; i++) {
        for (uint32_t row = 0; row < rows; row++) {
            output[row] = last[row];
        }
        last += SLIMSE_BLOCK_ROWS;
        output += strip->output_pitch;
    }
}

void slimse_planes_rows_strip(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                              const slimse_planes_strip_t *strip)
{
    const uint32_t whole = layer->rows / SLIMSE_BLOCK_ROWS;
    const uint32_t rest = layer->rows % SLIMSE_BLOCK_ROWS;
    slimse_paired_strip_t job = {
        .values = work->lanes + strip->offset / sizeof *work->lanes,
        .value_pitch = strip->pitch,
        .positions = strip->positions,
        .weights = layer->weights,
        .block_bytes = layer->taps * quads((uint32_t)layer->kernel * layer->columns) * QUAD_WEIGHT_BYTES,
        .rows = layer->constants,
        .rows_end = layer->constants + whole * 8U,
        .output = strip->output,
        .output_pitch = strip->output_pitch,
        .output_offset = layer->output_offset,
        .runs = work->runs,
        .runs_end = list_runs(layer, work, strip),
    };

    if (job.runs_end == job.runs) {
        /* Nothing is read: a quad of zeros leaves the sums where they start. */
        job.values = (const int32_t *)(void *)(work->last + layer->chunk * SLIMSE_BLOCK_ROWS);
        memset(work->last + layer->chunk * SLIMSE_BLOCK_ROWS, 0, QUAD_LANE_BYTES);
        job.value_pitch = 0;
        job.runs_end = add_run(job.runs, job.runs, 0, 0, 1);
    }
    if (whole > 0U) {
        slimse_paired_rows_strip(&job);
    }
    if (rest > 0U) {
        job.weights += whole * job.block_bytes;
        job.rows = job.rows_end;
        job.rows_end += 8;
        job.output = work->last;
        job.output_pitch = SLIMSE_BLOCK_ROWS;
        slimse_paired_rows_strip(&job);
        copy_last(strip, work->last, rest, &strip->output[whole * SLIMSE_BLOCK_ROWS]);
    }
    for (uint32_t i = 0; i < strip->positions; i++) {
        slimse_rows_limit(&strip->output[i * strip->output_pitch], layer->rows, layer->output_min, layer->output_max);
    }
}
