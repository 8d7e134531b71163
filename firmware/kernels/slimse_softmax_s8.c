#include "slimse_softmax_s8.h"
#include "slimse_reciprocal.h"

static void softmax(const int32_t *exponentials, const int8_t *input, uint32_t size, int8_t *output)
{
    int32_t highest = INT8_MIN;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++) {
        highest = input[i] > highest ? input[i] : highest;
    }
    for (uint32_t i = 0; i < size; i++) {
        sum += (uint32_t)slimse_shift_right(exponentials[highest - input[i]], SLIMSE_SUM_INTEGER_BITS);
    }
    const slimse_share_t share = slimse_share_of(sum);
    for (uint32_t i = 0; i < size; i++) {
        const int32_t product = slimse_requantize(share.factor, exponentials[highest - input[i]], 0);
        output[i] = (int8_t)slimse_clamp(slimse_shift_right(product, share.shift) + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void slimse_softmax_s8(const slimse_softmax_s8_t *layer, const int8_t *input, int8_t *output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        softmax(layer->exp, &input[position * layer->size], layer->size, &output[position * layer->size]);
    }
}
