#include "slimse_dense_columns_s8.h"
#include "slimse_open_columns.h"
#include "slimse_rows_end.h"

#include <string.h>

/* Blocks over all columns, or over listed ones. */
static void blocks(const slimse_paired_rows_t *job, const slimse_paired_lists_t *lists)
{
    if (lists != NULL) {
        slimse_paired_rows_listed(job, lists);
    } else {
        slimse_paired_rows_blocks(job);
    }
}

/* All rows; what is missing of the last block goes to a place of its own. */
static void all_rows(slimse_paired_rows_t job, const slimse_paired_lists_t *lists, uint32_t rows)
{
    const uint32_t rest = rows % SLIMSE_BLOCK_ROWS;

    job.blocks = rows / SLIMSE_BLOCK_ROWS;
    if (job.blocks > 0U) {
        blocks(&job, lists);
    }
    if (rest > 0U) {
        int8_t last[SLIMSE_BLOCK_ROWS];
        int8_t *const output = job.output + job.blocks * SLIMSE_BLOCK_ROWS;
        job.weights += job.blocks * job.block_bytes;
        job.rows += job.blocks * 8U;
        job.output = last;
        job.blocks = 1;
        blocks(&job, lists);
        memcpy(output, last, rest);
    }
}

/*
 * Whether lists are worth it, and how long they may get.
 *
 * Of each block a pair takes 6.75 instructions among all columns, about 8.8 when listed and 7 when half of it is.  With a
 * gate that closes enough, the columns that are open bound the lists; otherwise they are counted.
 */
static int lists_pay(const slimse_dense_columns_s8_t *layer, const slimse_gate_t *gate, const int8_t *input,
                     slimse_open_count_t *most)
{
    const uint32_t columns = layer->columns;

    if (gate != NULL && 8U * gate->open_count <= 5U * columns) {
        most->singles = gate->open_count;
        most->both = gate->open_count / 2U;
        return 1;
    }
    *most = slimse_count_open(input, columns, layer->input_offset);
    return 70U * most->both + 56U * most->singles < 25U * columns;
}

uint32_t slimse_dense_columns_s8(const slimse_dense_columns_s8_t *layer, const slimse_gate_t *columns,
                                 const int8_t *input, int16_t *scratch, int8_t *output)
{
    int32_t *const room = (int32_t *)(void *)scratch;
    slimse_paired_rows_t job = {
        .values = room,
        .weights = layer->weights,
        .rows = layer->constants,
        .output = output,
        .output_offset = layer->output_offset,
        .block_bytes = (layer->columns + 3U) / 4U * 16U,
    };
    slimse_open_count_t most;

    if (lists_pay(layer, columns, input, &most)) {
        const slimse_paired_lists_t lists =
            slimse_list_open(input, layer->columns, layer->input_offset, most, room);
        all_rows(job, &lists, layer->rows);
    } else {
        job.values_end = slimse_lanes(input, layer->columns, layer->input_offset, room);
        all_rows(job, NULL, layer->rows);
    }
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
    return (uint32_t)layer->rows * (columns != NULL ? columns->open_count : layer->columns);
}
