#include "slimse_dense_s8.h"
#include "slimse_dot.h"
#include "slimse_gate.h"

/* Which columns are read; open is NULL when all of them are. */
typedef struct {
    const uint16_t *open;
    uint32_t count;
} columns_t;

/* A closed input is exactly zero, so leaving out its column leaves the sums unchanged. */
static void dot_rows(const slimse_dense_s8_t *layer, const columns_t *columns, const uint32_t *rows, uint32_t count,
                     const int8_t *input, int32_t *sums)
{
    const int8_t *weights[SLIMSE_DOT_ROWS];
    const int32_t offset = layer->linear.input_offset;

    for (uint32_t i = 0; i < count; i++) {
        weights[i] = &layer->linear.weights[rows[i] * layer->columns];
        sums[i] = layer->linear.bias[rows[i]];
    }
    if (count < SLIMSE_DOT_ROWS) {
        for (uint32_t i = 0; i < count; i++) {
            sums[i] = slimse_dot_s8(sums[i], weights[i], input, offset, columns->open, columns->count);
        }
    } else if (columns->open != NULL) {
        slimse_dot4_listed_s8(sums, weights, input, offset, columns->open, columns->count);
    } else {
        slimse_dot4_s8(sums, weights, input, offset, columns->count);
    }
}

uint32_t slimse_dense_s8(const slimse_dense_s8_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                         const int8_t *input, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_linear_s8_t linear = layer->linear;
    const uint32_t row_count = slimse_gate_begin(rows, layer->rows, linear.output_offset, output);
    columns_t read = {NULL, layer->columns};

    if (columns != NULL && columns->open_count < layer->columns) {
        read.open = columns->open;
        read.count = columns->open_count;
    }
    for (uint32_t first = 0; first < row_count; first += SLIMSE_DOT_ROWS) {
        const uint32_t left = row_count - first;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        uint32_t taken[SLIMSE_DOT_ROWS];
        int32_t sums[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            taken[i] = slimse_gate_element(rows, first + i);
        }
        dot_rows(layer, &read, taken, count, input, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t row = taken[i];
            output[row] = slimse_linear_output(&linear, row, sums[i]);
        }
    }
    return row_count * read.count;
}
