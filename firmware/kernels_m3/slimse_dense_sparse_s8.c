#include "slimse_dense_sparse_s8.h"
#include "slimse_rows_end.h"
#include "slimse_short_sums.h"

#include <string.h>

/* Columns of a turn of the inner loops; that over all columns seldom runs, and reads behind the last one. */
enum { LISTED_TURN = 8, TURN = 4 };

/* A column that is read. */
typedef struct {
    uint32_t start; /* of its weights in a block of rows */
    int32_t value;  /* of its input */
} column_t;

/* Columns in a list, in the working memory. */
typedef struct {
    const column_t *begin;
    const column_t *end; /* whole turns behind the beginning */
    int is_whole;        /* all columns are listed, one behind the other */
} list_t;

/* Fill a list up to whole turns with columns that are zero. */
static list_t fill(const column_t *begin, column_t *next, int is_whole)
{
    const int turn = is_whole != 0 ? TURN : LISTED_TURN;

    for (; (next - begin) % turn != 0; next++) {
        *next = (column_t){0, 0};
    }
    return (list_t){begin, next, is_whole};
}

/*
 * List the columns that are not zero; all of them where few are: of each block a column takes ten instructions among all,
 * twelve when listed.
 */
static list_t list_columns(const slimse_dense_sparse_s8_t *layer, const slimse_gate_t *gate, const int8_t *input,
                           column_t *begin)
{
    const uint16_t *const open = gate != NULL && gate->open_count < layer->columns ? gate->open : NULL;
    const uint32_t count = open != NULL ? gate->open_count : layer->columns;
    const int32_t offset = layer->input_offset;
    column_t *next = begin;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t column = open != NULL ? open[i] : i;
        const int32_t value = input[column] + offset;
        next->start = SLIMSE_BLOCK_ROWS * column;
        next->value = value;
        next += value != 0 ? 1 : 0;
    }
    if (6U * (uint32_t)(next - begin) <= 5U * layer->columns) {
        return fill(begin, next, 0);
    }
    for (uint32_t column = 0; column < layer->columns; column++) {
        begin[column].value = input[column] + offset;
    }
    return fill(begin, begin + layer->columns, 1);
}

/* Add listed columns to the sums of four rows. */
static void add_listed(int32_t sums[SLIMSE_BLOCK_ROWS], const list_t *list, const int8_t *weights)
{
    const column_t *const end = list->end;
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    for (const column_t *column = list->begin; column < end; column += LISTED_TURN) {
        for (uint32_t i = 0; i < LISTED_TURN; i++) {
            const int8_t *const rows = &weights[column[i].start];
            const int32_t value = column[i].value;
            sum0 += rows[0] * value;
            sum1 += rows[1] * value;
            sum2 += rows[2] * value;
            sum3 += rows[3] * value;
        }
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* The same of a list of all columns; what is read behind them meets zeros. */
static void add_all(int32_t sums[SLIMSE_BLOCK_ROWS], const list_t *list, const int8_t *weights)
{
    const column_t *const end = list->end;
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    for (const column_t *column = list->begin; column < end; column += TURN) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = column[i].value;
            sum0 += weights[SLIMSE_BLOCK_ROWS * i] * value;
            sum1 += weights[SLIMSE_BLOCK_ROWS * i + 1U] * value;
            sum2 += weights[SLIMSE_BLOCK_ROWS * i + 2U] * value;
            sum3 += weights[SLIMSE_BLOCK_ROWS * i + 3U] * value;
        }
        weights += SLIMSE_BLOCK_ROWS * TURN;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Four rows over the listed columns. */
static void four_rows(const list_t *list, const int8_t *weights, const int32_t *constants, int32_t offset,
                      int8_t output[SLIMSE_BLOCK_ROWS])
{
    int32_t sums[SLIMSE_BLOCK_ROWS];

    for (uint32_t row = 0; row < SLIMSE_BLOCK_ROWS; row++) {
        sums[row] = slimse_row_start(&constants[row * SLIMSE_ROW_CONSTANTS]);
    }
    if (list->is_whole != 0) {
        add_all(sums, list, weights);
    } else {
        add_listed(sums, list, weights);
    }
    for (uint32_t row = 0; row < SLIMSE_BLOCK_ROWS; row++) {
        output[row] = (int8_t)slimse_row_output(&constants[row * SLIMSE_ROW_CONSTANTS], sums[row], offset);
    }
}

uint32_t slimse_dense_sparse_s8(const slimse_dense_sparse_s8_t *layer, const slimse_gate_t *columns,
                                const int8_t *input, int16_t *scratch, int8_t *output)
{
    const list_t list = list_columns(layer, columns, input, (column_t *)(void *)scratch);
    const uint32_t whole = layer->rows & ~(SLIMSE_BLOCK_ROWS - 1U);
    const uint32_t rest = layer->rows - whole;
    const int8_t *weights = layer->weights;
    const int32_t *constants = layer->constants;

    for (uint32_t row = 0; row < whole; row += SLIMSE_BLOCK_ROWS) {
        four_rows(&list, weights, constants, layer->output_offset, &output[row]);
        weights += SLIMSE_BLOCK_ROWS * layer->columns;
        constants += SLIMSE_BLOCK_ROWS * SLIMSE_ROW_CONSTANTS;
    }
    if (rest > 0U) {
        int8_t last[SLIMSE_BLOCK_ROWS];
        four_rows(&list, weights, constants, layer->output_offset, last);
        memcpy(&output[whole], last, rest);
    }
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
    return (uint32_t)layer->rows * (columns != NULL ? columns->open_count : layer->columns);
}
