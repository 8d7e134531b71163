#include "slimse_layer_norm_s16.h"
#include "slimse_arithmetic.h"
#include "slimse_root.h"

/* Fraction bits of the root, of its reciprocal, and what is dropped to come to a normalized value in Q15. */
enum { ROOT_BITS = 4, RECIPROCAL_BITS = 46, DOWN_BITS = RECIPROCAL_BITS - ROOT_BITS - 15 };

static void normalize(const slimse_layer_norm_s16_t *layer, const int16_t *input, int16_t *output)
{
    const int32_t size = layer->size;
    int32_t sum = 0;
    uint64_t square = 0;

    for (int32_t i = 0; i < size; i++) {
        sum += input[i];
    }
    for (int32_t i = 0; i < size; i++) {
        const int64_t deviation = size * input[i] - sum;
        square += (uint64_t)(deviation * deviation);
    }
    square = square / (uint32_t)size + layer->epsilon;
    const uint32_t root = slimse_square_root(square << (2 * ROOT_BITS));
    const int64_t reciprocal = (int64_t)(((uint64_t)1 << RECIPROCAL_BITS) / root);
    for (int32_t i = 0; i < size; i++) {
        const int64_t product = (size * input[i] - sum) * reciprocal;
        const int32_t normal = (int32_t)((product + ((int64_t)1 << (DOWN_BITS - 1))) >> DOWN_BITS);
        output[i] = slimse_requantize_s16(normal * layer->gamma[i] + layer->beta[i], layer->multiplier, layer->shift,
                                          INT16_MIN, INT16_MAX);
    }
}

void slimse_layer_norm_s16(const slimse_layer_norm_s16_t *layer, const int16_t *input, int16_t *output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        normalize(layer, &input[position * layer->size], &output[position * layer->size]);
    }
}
