#include "slimse_dense_folded_s8.h"
#include "slimse_dot_values.h"
#include "slimse_gate.h"
#include "slimse_rows_end.h"
#include "slimse_short_sums.h"

/* Four rows, the last of them again where fewer are left: that takes less than a row alone. */
static void four_rows(const slimse_dense_folded_s8_t *layer, const slimse_gate_t *gate, uint32_t first, uint32_t last,
                      const int8_t *input, int8_t *output)
{
    const int32_t *constants[SLIMSE_DOT_ROWS];
    const int8_t *weights[SLIMSE_DOT_ROWS];
    int32_t sums[SLIMSE_DOT_ROWS];
    uint32_t rows[SLIMSE_DOT_ROWS];

    for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
        rows[i] = slimse_gate_element(gate, first + i < last ? first + i : last);
        constants[i] = &layer->constants[SLIMSE_ROW_CONSTANTS * rows[i]];
        weights[i] = &layer->weights[rows[i] * layer->columns];
        sums[i] = slimse_row_start(constants[i]);
    }
    slimse_dot4_values_s8(sums, weights, input, layer->columns);
    for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
        output[rows[i]] = (int8_t)slimse_row_output(constants[i], sums[i], layer->output_offset);
    }
}

uint32_t slimse_dense_folded_s8(const slimse_dense_folded_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                                int8_t *output)
{
    const uint32_t count = slimse_gate_begin(rows, layer->rows, layer->output_offset, output);

    for (uint32_t first = 0; first < count; first += SLIMSE_DOT_ROWS) {
        four_rows(layer, rows, first, count - 1U, input, output);
    }
    slimse_rows_limit(output, layer->rows, layer->output_min, layer->output_max);
    slimse_rows_close(output, layer->rows, rows, 0, layer->output_offset, layer->output_min, layer->output_max);
    return count * layer->columns;
}
