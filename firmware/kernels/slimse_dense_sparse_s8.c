#include "slimse_dense_sparse_s8.h"
#include "slimse_rows_end.h"
#include "slimse_short_sums.h"

#include <string.h>

/* Columns of a turn of the inner loop. */
enum { TURN = 4 };

/* A column that is read. */
typedef struct {
    uint32_t start; /* of its weights in a block of rows */
    int32_t value;  /* of its input */
} column_t;

/* List the columns that are not zero, filled up to whole turns with ones that are; returns behind the last. */
static column_t *list_columns(const slimse_dense_sparse_s8_t *layer, const slimse_gate_t *gate, const int8_t *input,
                              column_t *next)
{
    const uint16_t *const open = gate != NULL && gate->open_count < layer->columns ? gate->open : NULL;
    const uint32_t count = open != NULL ? gate->open_count : layer->columns;
    const column_t *const begin = next;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t column = open != NULL ? open[i] : i;
        const int32_t value = input[column] + layer->input_offset;
        next->start = SLIMSE_BLOCK_ROWS * column;
        next->value = value;
        next += value != 0 ? 1 : 0;
    }
    for (; (next - begin) % TURN != 0; next++) {
        *next = (column_t){0, 0};
    }
    return next;
}

/* Four rows over the listed columns. */
static void four_rows(const column_t *column, const column_t *end, const int8_t *weights,
                      const int32_t *constants, int32_t offset, int8_t output[SLIMSE_BLOCK_ROWS])
{
    int32_t sum0 = slimse_row_start(&constants[0 * SLIMSE_ROW_CONSTANTS]);
    int32_t sum1 = slimse_row_start(&constants[1 * SLIMSE_ROW_CONSTANTS]);
    int32_t sum2 = slimse_row_start(&constants[2 * SLIMSE_ROW_CONSTANTS]);
    int32_t sum3 = slimse_row_start(&constants[3 * SLIMSE_ROW_CONSTANTS]);

    while (column < end) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int8_t *const rows = &weights[column[i].start];
            const int32_t value = column[i].value;
            sum0 += rows[0] * value;
            sum1 += rows[1] * value;
            sum2 += rows[2] * value;
            sum3 += rows[3] * value;
        }
        column += TURN;
    }
    output[0] = (int8_t)slimse_row_output(&constants[0 * SLIMSE_ROW_CONSTANTS], sum0, offset);
    output[1] = (int8_t)slimse_row_output(&constants[1 * SLIMSE_ROW_CONSTANTS], sum1, offset);
    output[2] = (int8_t)slimse_row_output(&constants[2 * SLIMSE_ROW_CONSTANTS], sum2, offset);
    output[3] = (int8_t)slimse_row_output(&constants[3 * SLIMSE_ROW_CONSTANTS], sum3, offset);
}

uint32_t slimse_dense_sparse_s8(const slimse_dense_sparse_s8_t *layer, const slimse_gate_t *columns,
                                const int8_t *input, int16_t *scratch, int8_t *output)
{
    column_t *const begin = (column_t *)(void *)scratch;
    const column_t *const end = list_columns(layer, columns, input, begin);
    const uint32_t whole = layer->rows & ~(SLIMSE_BLOCK_ROWS - 1U);
    const uint32_t rest = layer->rows - whole;
    const int8_t *weights = layer->weights;
    const int32_t *constants = layer->constants;

    for (uint32_t row = 0; row < whole; row += SLIMSE_BLOCK_ROWS) {
        four_rows(begin, end, weights, constants, layer->output_offset, &output[row]);
        weights += SLIMSE_BLOCK_ROWS * layer->columns;
        constants += SLIMSE_BLOCK_ROWS * SLIMSE_ROW_CONSTANTS;
    }
    if (rest > 0U) {
        int8_t last[SLIMSE_BLOCK_ROWS];
        four_rows(begin, end, weights, constants, layer->output_offset, last);
        memcpy(&output[whole], last, rest);
    }
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
    return (uint32_t)layer->rows * (columns != NULL ? columns->open_count : layer->columns);
}
