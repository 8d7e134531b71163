#include "slimse_planes_rows.h"
#include "slimse_open_columns.h"
#include "slimse_ring.h"
#include "slimse_rows_end.h"
#include "slimse_spans.h"

#include <string.h>

enum { QUAD = 4, QUAD_WEIGHT_BYTES = 16 };

/* The runs of a position so far, and where the next one's values go. */
typedef struct {
    slimse_paired_run_t *end;
    int32_t *lanes;
    uint32_t quad; /* that a run would have to begin at to go on with the last one */
} runs_t;

static uint32_t quads(uint32_t columns)
{
    return (columns + QUAD - 1U) / QUAD;
}

void slimse_planes_rows_begin(const slimse_planes_rows_t *layer, const slimse_spans_t *spans, uint32_t spacing,
                              const int8_t *input, const int8_t *ring, uint32_t next, int16_t *scratch,
                              slimse_planes_work_t *work)
{
    const uint32_t size = (uint32_t)layer->kernel * layer->columns;

    work->spans = spans;
    work->spacing = spacing;
    work->lanes = (int32_t *)(void *)scratch;
    work->runs = (slimse_paired_run_t *)(void *)(work->lanes + 2U * layer->taps * quads(size));
    slimse_ring_taps(work->frames, layer->taps, layer->dilation, (uint32_t)layer->inputs * layer->columns, input, ring,
                     next);
}

/* Read columns that begin at a quad. */
static void add_run(runs_t *runs, uint32_t quad, const int8_t *input, uint32_t columns, int32_t offset)
{
    runs->lanes = slimse_lanes(input, columns, offset, runs->lanes);
    if (quad != runs->quad) {
        runs->end->weights = quad * QUAD_WEIGHT_BYTES;
        runs->end++;
    }
    runs->end[-1].values_end = runs->lanes;
    runs->quad = quad + quads(columns);
}

/* The open channels of one position of the input, whole quads each. */
static void add_open(runs_t *runs, const slimse_spans_t *spans, uint32_t quad, const int8_t *input, uint32_t columns,
                     int32_t offset)
{
    uint32_t read = 0; /* quads */

    for (uint32_t i = 0; i < spans->ranges; i++) {
        const uint32_t end = quads(spans->range[i].first + (uint32_t)spans->range[i].count);
        const uint32_t first = spans->range[i].first / QUAD;
        const uint32_t from = first > read ? first : read;

        if (from < end) {
            /* Closed channels of these quads are exactly zero: they may be read. */
            const uint32_t behind = end * QUAD < columns ? end * QUAD : columns;
            add_run(runs, quad + from, &input[from * QUAD], behind - from * QUAD, offset);
            read = end;
        }
    }
}

/* Positions that do not fill quads: all taps as one run, zero where they fall beside the input. */
static void add_ragged(runs_t *runs, const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                       const slimse_window_t *window, uint32_t quad, const int8_t *frame)
{
    const uint32_t columns = layer->columns;
    const uint32_t size = layer->kernel * columns;
    int8_t *const bytes = (int8_t *)(runs->lanes + 2U * quads(size)) - size;

    /* Where the lanes end: each quad of bytes is read before its lanes are written. */
    memset(bytes, -layer->input_offset, size);
    for (uint32_t tap = 0; tap < window->count; tap++) {
        memcpy(&bytes[(window->tap + tap) * columns],
               &frame[(window->position + tap * work->spacing) * columns], columns);
    }
    add_run(runs, quad, bytes, size, layer->input_offset);
}

/* Taps of positions that fill whole quads. */
static void add_taps(runs_t *runs, const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                     const slimse_window_t *window, uint32_t quad, const int8_t *frame)
{
    const uint32_t columns = layer->columns;
    const uint32_t position_quads = columns / QUAD;
    const int8_t *input = &frame[window->position * columns];

    quad += window->tap * position_quads;
    if (work->spans == NULL && work->spacing == 1U) {
        add_run(runs, quad, input, window->count * columns, layer->input_offset);
        return;
    }
    for (uint32_t tap = 0; tap < window->count; tap++) {
        if (work->spans != NULL) {
            add_open(runs, work->spans, quad, input, columns, layer->input_offset);
        } else {
            add_run(runs, quad, input, columns, layer->input_offset);
        }
        quad += position_quads;
        input += work->spacing * columns;
    }
}

/* All rows; what is missing of the last block goes to a place of its own. */
static void all_rows(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                     const slimse_paired_run_t *runs_end, int8_t *output)
{
    const uint32_t blocks = layer->rows / SLIMSE_BLOCK_ROWS;
    const uint32_t rest = layer->rows % SLIMSE_BLOCK_ROWS;
    slimse_paired_rows_t job = {
        .values = work->lanes,
        .weights = layer->weights,
        .rows = layer->constants,
        .output = output,
        .output_offset = layer->output_offset,
        .blocks = blocks,
        .block_bytes = layer->taps * quads((uint32_t)layer->kernel * layer->columns) * QUAD_WEIGHT_BYTES,
    };

    if (blocks > 0U) {
        slimse_paired_rows_runs(&job, work->runs, runs_end);
    }
    if (rest > 0U) {
        int8_t last[SLIMSE_BLOCK_ROWS];
        job.weights += blocks * job.block_bytes;
        job.rows += blocks * 8U;
        job.output = last;
        job.blocks = 1;
        slimse_paired_rows_runs(&job, work->runs, runs_end);
        memcpy(&output[blocks * SLIMSE_BLOCK_ROWS], last, rest);
    }
}

void slimse_planes_rows_position(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                                 const slimse_window_t *window, int8_t *output)
{
    const uint32_t frame_quads = quads((uint32_t)layer->kernel * layer->columns);
    const int is_ragged = layer->columns % QUAD != 0U && layer->kernel > 1U;
    runs_t runs = {work->runs, work->lanes, UINT32_MAX};

    for (uint32_t tap = 0; tap < layer->taps; tap++) {
        if (is_ragged) {
            add_ragged(&runs, layer, work, window, tap * frame_quads, work->frames[tap]);
        } else if (window->count > 0U) {
            add_taps(&runs, layer, work, window, tap * frame_quads, work->frames[tap]);
        }
    }
    if (runs.end == work->runs) {
        /* Nothing is read: a quad of zeros leaves the sums where they start. */
        memset(work->lanes, 0, 2U * sizeof *work->lanes);
        runs.end->values_end = work->lanes + 2;
        runs.end->weights = 0;
        runs.end++;
    }
    all_rows(layer, work, runs.end, output);
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
}
