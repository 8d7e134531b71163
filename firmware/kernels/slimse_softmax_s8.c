#include "slimse_softmax_s8.h"
#include "slimse_arithmetic.h"

/* The sum of exponentials is Q12.19. */
enum { SUM_INTEGER_BITS = 12 };

/* 48/17 and -32/17 in Q2.29: where the division by Newton's method starts. */
static const int32_t RECIPROCAL_START = 1515870810;
static const int32_t RECIPROCAL_SLOPE = -1010580540;
static const int32_t ONE_Q29 = 1 << 29;

/* 1 / value in Q31, value in Q1.31 from 1 to 2. */
static int32_t reciprocal(uint32_t value)
{
    const int32_t half = (int32_t)(value >> 1);
    int32_t x = RECIPROCAL_START + slimse_requantize(half, RECIPROCAL_SLOPE, 0);

    for (int i = 0; i < 3; i++) {
        x += 4 * slimse_requantize(x, ONE_Q29 - slimse_requantize(half, x, 0), 0);
    }
    return slimse_shift_left(x, 1);
}

static void softmax(const int32_t *exponentials, const int8_t *input, uint32_t size, int8_t *output)
{
    int32_t highest = INT8_MIN;
    uint32_t sum = 0;
    int bits = SUM_INTEGER_BITS;

    for (uint32_t i = 0; i < size; i++) {
        highest = input[i] > highest ? input[i] : highest;
    }
    for (uint32_t i = 0; i < size; i++) {
        sum += (uint32_t)slimse_shift_right(exponentials[highest - input[i]], SUM_INTEGER_BITS);
    }
    while (sum <= INT32_MAX) {
        sum <<= 1;
        bits--;
    }
    const int32_t scale = reciprocal(sum);
    for (uint32_t i = 0; i < size; i++) {
        const int32_t product = slimse_requantize(scale, exponentials[highest - input[i]], 0);
        output[i] = (int8_t)slimse_clamp(slimse_shift_right(product, bits + 31 - 8) + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void slimse_softmax_s8(const slimse_softmax_s8_t *layer, const int8_t *input, int8_t *output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        softmax(layer->exp, &input[position * layer->size], layer->size, &output[position * layer->size]);
    }
}
