#include "slimse_channel_gate_folded_s8.h"
#include "slimse_gate_list.h"

/* Rows that lie side by side, and columns of a turn of the inner loop. */
enum { ROWS = 4, TURN = 4 };

/* Move the sign of a number into the lowest bit of others. */
static inline uint32_t with_sign(uint32_t bits, int32_t number)
{
    return bits << 1 | (uint32_t)number >> 31;
}

/* Which of four rows have a sum above zero, as bits: what is turned is below zero then.  Moves on to the next rows. */
static inline uint32_t four_rows(const int8_t **rows, const int32_t turned_bias[ROWS], const int8_t *input,
                                 uint32_t turns, uint32_t rest)
{
    const int8_t *weights = *rows;
    int32_t turned0 = turned_bias[0];
    int32_t turned1 = turned_bias[1];
    int32_t turned2 = turned_bias[2];
    int32_t turned3 = turned_bias[3];

    for (; turns > 0U; turns--) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = input[i];
            turned0 -= weights[ROWS * i] * value;
            turned1 -= weights[ROWS * i + 1U] * value;
            turned2 -= weights[ROWS * i + 2U] * value;
            turned3 -= weights[ROWS * i + 3U] * value;
        }
        input += TURN;
        weights += ROWS * TURN;
    }
    for (; rest > 0U; rest--) {
        const int32_t value = *input++;
        turned0 -= weights[0] * value;
        turned1 -= weights[1] * value;
        turned2 -= weights[2] * value;
        turned3 -= weights[3] * value;
        weights += ROWS;
    }
    *rows = weights;
    return with_sign(with_sign(with_sign((uint32_t)turned3 >> 31, turned2), turned1), turned0);
}

uint32_t slimse_channel_gate_folded_s8(const slimse_channel_gate_folded_s8_t *layer, const int8_t *input,
                                       slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;
    const int8_t *weights = layer->weights;
    const int32_t *bias = layer->turned_bias;
    const int32_t *const end = bias + (layer->rows + 3U) / ROWS * ROWS;
    uint8_t *bits = gate->bits;

    while (bias < end) {
        uint32_t open = 0;

        for (uint32_t shift = 0; shift < 8U && bias < end; shift += ROWS) {
            open |= four_rows(&weights, bias, input, columns / TURN, columns % TURN) << shift;
            bias += ROWS;
        }
        *bits++ = (uint8_t)open;
    }
    slimse_gate_list(gate, gate->bits, layer->rows, layer->group);
    return (uint32_t)layer->rows * columns;
}
