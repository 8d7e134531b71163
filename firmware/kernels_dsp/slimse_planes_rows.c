#include "slimse_planes_rows.h"
#include "slimse_lanes.h"
#include "slimse_open_columns.h"
#include "slimse_ring.h"
#include "slimse_rows.h"
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

/* Windows whose positions fill no quads, and which are more than one of them. */
static int is_gathered(const slimse_planes_rows_t *layer)
{
    return layer->columns % QUAD != 0U && layer->kernel * layer->taps > 1;
}

/* Quads of all weights of a row. */
static uint32_t row_quads(const slimse_planes_rows_t *layer)
{
    const uint32_t taps = (uint32_t)layer->kernel * layer->taps;
    return is_gathered(layer) ? quads(taps * layer->columns) : taps * quads(layer->columns);
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

/* The window of one frame, zero where it lies beside the input. */
static void gather_window(const slimse_planes_rows_t *layer, const int8_t *frame, int32_t first, uint32_t spacing,
                          int8_t *bytes)
{
    const uint32_t columns = layer->columns;
    int32_t position = first;

    if (spacing == 1U && first >= 0 && (uint32_t)first + layer->kernel <= layer->inputs) {
        memcpy(bytes, &frame[(uint32_t)first * columns], layer->kernel * columns);
        return;
    }
    for (uint32_t tap = 0; tap < layer->kernel; tap++) {
        const int is_inside = position >= 0 && position < (int32_t)layer->inputs;
        const int8_t *const from = &frame[is_inside ? (uint32_t)position * columns : 0U];
        for (uint32_t column = 0; column < columns; column++) {
            *bytes++ = is_inside ? from[column] : (int8_t)-layer->input_offset;
        }
        position += (int32_t)spacing;
    }
}

void slimse_planes_rows_windows(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work, int32_t first,
                                uint32_t step, uint32_t spacing, uint32_t positions)
{
    const uint32_t frame_size = (uint32_t)layer->kernel * layer->columns;
    const uint32_t size = layer->taps * frame_size;
    int32_t *lanes = work->lanes;

    for (uint32_t i = 0; i < positions; i++) {
        /* The bytes gather where their lanes will end: each quad of them is read before its lanes are written. */
        int8_t *const bytes = (int8_t *)lanes + slimse_lane_bytes(size) - size;

        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            gather_window(layer, work->frames[tap], first, spacing, &bytes[tap * frame_size]);
        }
        lanes = slimse_lanes(bytes, size, layer->input_offset, lanes);
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
    slimse_paired_run_t *end = work->runs;

    if (is_gathered(layer)) {
        return add_run(end, work->runs, 0, 0, row_quads(layer));
    }
    for (uint32_t time = 0; time < layer->taps; time++) {
        uint32_t values = time * work->frame_bytes;
        uint32_t weights = time * quads(layer->kernel * columns) * QUAD_WEIGHT_BYTES;

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

/*
 * The only row of a last block at all positions: its weights are the first of each two words, 256 times their value, so one
 * product after the other is the sum.
 */
static void only_row(const slimse_paired_strip_t *job, int8_t *output)
{
    const int32_t start = job->rows[0];
    const int32_t multiplier = job->rows[4];
    const int32_t offset = job->output_offset;
    const int8_t *position = (const int8_t *)job->values;

    for (uint32_t i = 0; i < job->positions; i++) {
        int32_t sum = start;

        for (const slimse_paired_run_t *run = job->runs; run < job->runs_end; run++) {
            const int8_t *weights = job->weights + run->weights;
            const int8_t *const values_end = position + run->values_end;

            for (const int8_t *values = position + run->values; values < values_end; values += QUAD_LANE_BYTES) {
                sum = slimse_multiply_lanes(slimse_load_word(weights), slimse_load_word(values), sum);
                sum = slimse_multiply_lanes(slimse_load_word(weights + 8), slimse_load_word(values + 4), sum);
                weights += QUAD_WEIGHT_BYTES;
            }
        }
        *output = (int8_t)slimse_rows_output(sum, multiplier, offset);
        position += job->value_pitch;
        output += job->output_pitch;
    }
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
        .block_bytes = row_quads(layer) * QUAD_WEIGHT_BYTES,
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
    job.weights += whole * job.block_bytes;
    job.rows = job.rows_end;
    if (rest == 1U) {
        only_row(&job, &strip->output[whole * SLIMSE_BLOCK_ROWS]);
    } else if (rest > 0U) {
        job.rows_end += 8;
        job.output = work->last;
        job.output_pitch = SLIMSE_BLOCK_ROWS;
        slimse_paired_rows_strip(&job);
        copy_last(strip, work->last, rest, &strip->output[whole * SLIMSE_BLOCK_ROWS]);
    }
    if (layer->output_min > INT8_MIN || layer->output_max < INT8_MAX) {
        for (uint32_t i = 0; i < strip->positions; i++) {
            slimse_rows_limit(&strip->output[i * strip->output_pitch], layer->rows, layer->output_min,
                              layer->output_max);
        }
    }
}
