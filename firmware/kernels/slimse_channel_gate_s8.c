#include "slimse_channel_gate_s8.h"
#include "slimse_dot.h"
#include "slimse_gate_list.h"

#include <string.h>

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;
    const int8_t *weights = layer->weights;

    memset(gate->bits, 0, (layer->rows + 7U) / 8U);
    for (uint32_t row = 0; row < layer->rows; row++) {
        const int32_t sum = slimse_dot_s8(layer->bias[row], weights, input, layer->input_offset, NULL, columns);
        gate->bits[row / 8U] = (uint8_t)(gate->bits[row / 8U] | (sum > 0 ? 1U : 0U) << row % 8U);
        weights += columns;
    }
    slimse_gate_list(gate, gate->bits, layer->rows, layer->group);
    return layer->rows * columns;
}
