#include "slimse_tanh_s16.h"
#include "slimse_gate.h"
#include "slimse_sigmoid_table.h"

/* Q15 from a position in steps of 2^-12 / 3: tanh(x) = 2 sigmoid(2 x) - 1; a negative one mirrors the positive. */
static int16_t tanh_of(int32_t position)
{
    const uint32_t distance = (uint32_t)(position < 0 ? -position : position);
    const int32_t value = slimse_sigmoid_between(distance, 8, UINT16_MAX << 8) - (1 << 23);
    const int32_t half = 1 << 7;

    /* gcc and clang shift negative numbers arithmetically. */
    return (int16_t)((position >= 0 ? value + half : -value + half - 1) >> 8);
}

void slimse_tanh_s16(const slimse_tanh_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                     int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        output[element] = tanh_of(slimse_sigmoid_position(input[element], layer->multiplier, layer->shift));
    }
}
