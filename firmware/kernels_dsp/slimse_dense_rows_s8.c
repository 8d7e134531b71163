#include "slimse_dense_rows_s8.h"
#include "slimse_paired_columns.h"
#include "slimse_paired_values.h"
#include "slimse_rows_end.h"

#include <string.h>

/* All rows; what is missing of the last block goes to a place of its own. */
static void all_rows(slimse_paired_columns_t job, uint32_t rows, uint32_t quads)
{
    const uint32_t blocks = rows / SLIMSE_BLOCK_ROWS;
    const uint32_t rest = rows % SLIMSE_BLOCK_ROWS;

    if (blocks > 0U) {
        job.blocks = blocks;
        slimse_paired_columns_blocks(&job);
    }
    if (rest > 0U) {
        int8_t last[SLIMSE_BLOCK_ROWS];
        int8_t *const output = job.output + blocks * SLIMSE_BLOCK_ROWS;
        job.weights += blocks * quads * 16U;
        job.rows += blocks * 8U;
        job.output = last;
        job.blocks = 1;
        slimse_paired_columns_blocks(&job);
        memcpy(output, last, rest);
    }
}

/* The open rows, which fill blocks. */
static void open_blocks(slimse_paired_columns_t job, const slimse_gate_t *gate, uint32_t quads)
{
    const int8_t *const weights = job.weights;
    const int32_t *const rows = job.rows;
    int8_t *const output = job.output;

    for (uint32_t i = 0; i < gate->open_count;) {
        const uint32_t count = slimse_open_run(gate, i);
        const uint32_t block = gate->open[i] / SLIMSE_BLOCK_ROWS;
        job.weights = weights + block * quads * 16U;
        job.rows = rows + block * 8U;
        job.output = output + block * SLIMSE_BLOCK_ROWS;
        job.blocks = count / SLIMSE_BLOCK_ROWS;
        slimse_paired_columns_blocks(&job);
        i += count;
    }
}

uint32_t slimse_dense_rows_s8(const slimse_dense_rows_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                              int16_t *scratch, int8_t *output)
{
    int32_t *const values = (int32_t *)(void *)scratch;
    const uint32_t quads = (layer->columns + 3U) / 4U;
    slimse_paired_columns_t job = {
        .values = values,
        .weights = layer->weights,
        .rows = layer->constants,
        .output = output,
        .output_offset = layer->output_offset,
    };
    const uint32_t open = rows != NULL ? rows->open_count : layer->rows;

    const int opens_blocks = slimse_opens_blocks(rows);
    /* From about seven tenths on, all rows together take less than the open ones each. */
    const int is_whole = opens_blocks ? open == layer->rows : 10U * open > 7U * layer->rows;

    job.values_end = slimse_paired_values(input, layer->columns, values);
    if (is_whole) {
        all_rows(job, layer->rows, quads);
    } else {
        memset(output, layer->output_offset, layer->rows);
        if (opens_blocks) {
            open_blocks(job, rows, quads);
        } else if (open > 0U) {
            slimse_paired_columns_listed(&job, rows->open, open);
        }
    }
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
    slimse_rows_close(output, layer->rows, rows, is_whole, layer->output_offset, layer->output_min, layer->output_max);
    return open * layer->columns;
}
