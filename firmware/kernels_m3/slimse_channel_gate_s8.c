#include "slimse_channel_gate_s8.h"
#include "slimse_dot.h"
#include "slimse_gate_list.h"

#include <string.h>

/* Columns of a turn of the inner loop. */
enum { TURN = 4 };

/* Which of four rows behind one another have a sum above zero, as bits. */
static uint32_t four_rows(const int8_t *row0, const int32_t bias[SLIMSE_DOT_ROWS], const int8_t *input,
                          uint32_t columns)
{
    const int8_t *const end = input + columns;
    const int8_t *const last_turn = end - columns % TURN;
    const int8_t *row1 = row0 + columns;
    const int8_t *row2 = row1 + columns;
    const int8_t *row3 = row2 + columns;
    int32_t sum0 = bias[0];
    int32_t sum1 = bias[1];
    int32_t sum2 = bias[2];
    int32_t sum3 = bias[3];

    while (input < last_turn) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = input[i];
            sum0 += row0[i] * value;
            sum1 += row1[i] * value;
            sum2 += row2[i] * value;
            sum3 += row3[i] * value;
        }
        input += TURN;
        row0 += TURN;
        row1 += TURN;
        row2 += TURN;
        row3 += TURN;
    }
    while (input < end) {
        const int32_t value = *input++;
        sum0 += *row0++ * value;
        sum1 += *row1++ * value;
        sum2 += *row2++ * value;
        sum3 += *row3++ * value;
    }
    return (sum0 > 0 ? 1U : 0U) | (sum1 > 0 ? 2U : 0U) | (sum2 > 0 ? 4U : 0U) | (sum3 > 0 ? 8U : 0U);
}

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    const uint32_t rows = layer->rows;
    const uint32_t columns = layer->columns;
    const uint32_t whole = layer->input_offset == 0 ? rows - rows % SLIMSE_DOT_ROWS : 0U;
    const int8_t *weights = layer->weights;
    uint32_t row = 0;

    memset(gate->bits, 0, (rows + 7U) / 8U);
    for (; row < whole; row += SLIMSE_DOT_ROWS) {
        const uint32_t open = four_rows(weights, &layer->bias[row], input, columns);
        gate->bits[row / 8U] = (uint8_t)(gate->bits[row / 8U] | open << row % 8U);
        weights += SLIMSE_DOT_ROWS * columns;
    }
    for (; row < rows; row++) {
        const int32_t sum = slimse_dot_s8(layer->bias[row], weights, input, layer->input_offset, NULL, columns);
        gate->bits[row / 8U] = (uint8_t)(gate->bits[row / 8U] | (sum > 0 ? 1U : 0U) << row % 8U);
        weights += columns;
    }
    slimse_gate_list(gate, gate->bits, rows, layer->group);
    return rows * columns;
}
