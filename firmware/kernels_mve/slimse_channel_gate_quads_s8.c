#include "slimse_channel_gate_quads_s8.h"
#include "slimse_lists.h"
#include "slimse_quads.h"

/* Rows whose sums are held at once. */
enum { CHUNK = 128 };

/* Replace the decision by the forced one; bits beyond the channels stay zero. */
static void force(slimse_gate_t *gate, uint32_t channels)
{
    const uint32_t bytes = channels / 8U;

    for (uint32_t i = 0; i < bytes; i++) {
        gate->bits[i] = gate->forced[i];
    }
    if (channels % 8U != 0U) {
        gate->bits[bytes] = (uint8_t)(gate->forced[bytes] & ((1U << (channels % 8U)) - 1U));
    }
}

uint32_t slimse_channel_gate_quads_s8(const slimse_channel_gate_quads_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    int32_t sums[CHUNK];

    for (uint32_t row = 0; row < layer->rows; row += CHUNK) {
        const uint32_t left = layer->rows - row;
        const uint32_t count = left < CHUNK ? left : CHUNK;
        const slimse_quads_t job = {
            .weights = &layer->weights[row * layer->columns],
            .quads = (count + 3U) / 4U,
            .quad_bytes = 4U * layer->columns,
            .columns = layer->columns,
            .input = input,
            .bias = &layer->bias[row],
            .positions = 1,
            .sums = sums,
        };

        slimse_quads_s8(&job);
        slimse_positive_bits(sums, count, &gate->bits[row / 8U]);
    }
    if (gate->forced != NULL) {
        force(gate, layer->rows);
    }
    gate->open_count = (uint16_t)slimse_list_bits(gate->bits, layer->rows, gate->open);
    return (uint32_t)layer->rows * layer->columns;
}
