#include "slimse_sigmoid_s16.h"
#include "slimse_gate.h"
#include "slimse_sigmoid_table.h"

/* Q15 from a position in steps of 2^-12 / 3; a negative one mirrors the positive. */
static int16_t sigmoid_of(int32_t position)
{
    const uint32_t distance = (uint32_t)(position < 0 ? -position : position);
    const int32_t value = slimse_sigmoid_between(distance, 9, INT16_MAX << 10);
    const int32_t half = 1 << 9;

    return (int16_t)((position >= 0 ? value + half : (1 << 25) - value + half - 1) >> 10);
}

void slimse_sigmoid_s16(const slimse_sigmoid_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                        int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        output[element] = sigmoid_of(slimse_sigmoid_position(input[element], layer->multiplier, layer->shift));
    }
}
