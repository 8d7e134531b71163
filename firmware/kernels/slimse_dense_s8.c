#include "slimse.h"
#include "slimse_arithmetic.h"

#include <string.h>

static int32_t dot(const int8_t *weights, const int8_t *input, int32_t input_offset, uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i] * (input[i] + input_offset);
    }
    return sum;
}

/* A closed input is exactly zero, so leaving out its column leaves the sum unchanged. */
static int32_t dot_open(const int8_t *weights, const int8_t *input, int32_t input_offset,
                        const slimse_gate_t *columns)
{
    const uint16_t *open = columns->open;
    int32_t sum = 0;
    for (uint32_t i = 0; i < columns->open_count; i++) {
        const uint32_t column = open[i];
        sum += weights[column] * (input[column] + input_offset);
    }
    return sum;
}

uint32_t slimse_dense_s8(const slimse_dense_s8_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                         const int8_t *input, int8_t *output)
{
    const uint32_t row_count = rows != NULL ? rows->open_count : layer->rows;
    const uint32_t column_count = columns != NULL ? columns->open_count : layer->columns;
    const int is_gathered = column_count < layer->columns;

    if (rows != NULL) {
        memset(output, layer->output_offset, layer->rows);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        const uint32_t row = rows != NULL ? rows->open[i] : i;
        const int8_t *weights = &layer->weights[row * layer->columns];
        const int32_t sum = is_gathered ? dot_open(weights, input, layer->input_offset, columns)
                                        : dot(weights, input, layer->input_offset, layer->columns);
        output[row] = slimse_requantize_s8(sum + layer->bias[row], layer->multiplier[row], layer->shift[row],
                                           layer->output_offset, layer->output_min, layer->output_max);
    }
    return row_count * column_count;
}
