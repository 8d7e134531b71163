#include "slimse_channel_gate_folded_s8.h"
#include "slimse_gate_list.h"

/* Rows that lie side by side, and columns of a turn of the inner loop. */
enum { ROWS = 4, TURN = 4 };

/* Which of four rows have a sum above zero, as bits. */
static uint32_t four_rows(const int8_t *weights, const int32_t bias[ROWS], const int8_t *input, uint32_t columns)
{
    const int8_t *const end = input + columns;
    const int8_t *const last_turn = end - columns % TURN;
    int32_t sum0 = bias[0];
    int32_t sum1 = bias[1];
    int32_t sum2 = bias[2];
    int32_t sum3 = bias[3];

    while (input < last_turn) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = input[i];
            sum0 += weights[ROWS * i] * value;
            sum1 += weights[ROWS * i + 1U] * value;
            sum2 += weights[ROWS * i + 2U] * value;
            sum3 += weights[ROWS * i + 3U] * value;
        }
        input += TURN;
        weights += ROWS * TURN;
    }
    while (input < end) {
        const int32_t value = *input++;
        sum0 += weights[0] * value;
        sum1 += weights[1] * value;
        sum2 += weights[2] * value;
        sum3 += weights[3] * value;
        weights += ROWS;
    }
    /* A short sum may be turned: it is above zero where the result has a sign. */
    return (uint32_t)-sum0 >> 31 | (uint32_t)-sum1 >> 31 << 1 | (uint32_t)-sum2 >> 31 << 2 |
           (uint32_t)-sum3 >> 31 << 3;
}

uint32_t slimse_channel_gate_folded_s8(const slimse_channel_gate_folded_s8_t *layer, const int8_t *input,
                                       slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;
    const int8_t *weights = layer->weights;
    const int32_t *bias = layer->bias;
    const int32_t *const end = bias + (layer->rows + 3U) / ROWS * ROWS;
    uint8_t *bits = gate->bits;

    while (bias < end) {
        uint32_t open = four_rows(weights, bias, input, columns);

        weights += ROWS * columns;
        bias += ROWS;
        if (bias < end) {
            open |= four_rows(weights, bias, input, columns) << ROWS;
            weights += ROWS * columns;
            bias += ROWS;
        }
        *bits++ = (uint8_t)open;
    }
    slimse_gate_list(gate, gate->bits, layer->rows, layer->group);
    return (uint32_t)layer->rows * columns;
}
