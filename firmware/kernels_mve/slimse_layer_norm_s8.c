#include "slimse_layer_norm_s8.h"
#include "slimse_arithmetic.h"
#include "slimse_requantize.h"
#include "slimse_root.h"

/* Fraction bits of the root, of its reciprocal, and what is dropped to come to a normalized value in Q12. */
enum { ROOT_BITS = 8, RECIPROCAL_BITS = 46, DOWN_BITS = RECIPROCAL_BITS - ROOT_BITS - 12 };
/* VQDMULH drops 31 bits: deviations are shifted to the left such that one bit more than needed is left, for rounding. */
enum { LEFT_BITS = 31 - (DOWN_BITS - 1) };

/* The sum of the values, and that of their squares. */
typedef struct {
    int32_t values;
    uint32_t squares;
} sums_t;

static sums_t add_up(const int8_t *input, uint32_t size)
{
    int32_t values = 0;
    int32_t squares = 0;

    for (uint32_t i = 0; i < size; i += 16U) {
        const int8x16_t value = vldrbq_z_s8(&input[i], vctp8q(size - i));

        values = vaddvaq_s8(values, value);
        squares = vmladavaq_s8(squares, value, value);
    }
    return (sums_t){values, (uint32_t)squares};
}

/* A reciprocal of less than 2^31. */
static void normalize(const slimse_layer_norm_s8_t *layer, const int8_t *input, int32_t sum, int32_t reciprocal,
                      int8_t *output)
{
    const slimse_layer_norm_s8_t l = *layer;
    const int32x4_t size = vdupq_n_s32((int32_t)l.size << LEFT_BITS);
    const int32_t shifted_sum = -(int32_t)((uint32_t)sum << LEFT_BITS);
    const int32x4_t multiplier = vdupq_n_s32(l.multiplier);
    const int32x4_t shift = vdupq_n_s32(l.shift);
    const int32x4_t low = vdupq_n_s32(INT8_MIN - l.output_offset);
    const int32x4_t high = vdupq_n_s32(INT8_MAX - l.output_offset);

    for (uint32_t i = 0; i < l.size; i += 4U) {
        const mve_pred16_t some = vctp32q(l.size - i);
        const int32x4_t deviation = vmlasq_n_s32(vldrbq_z_s32(&input[i], some), size, shifted_sum);
        const int32x4_t normal = vrshrq_n_s32(vqdmulhq_n_s32(deviation, reciprocal), 1);
        const int32x4_t beta = vldrwq_z_s32(&l.beta[i], some);
        const int32x4_t scaled = vaddq_s32(vmulq_s32(normal, vldrbq_z_s32(&l.gamma[i], some)), beta);
        const int32x4_t result = slimse_requantize_vector(scaled, multiplier, shift);

        vstrbq_p_s32(&output[i], vaddq_n_s32(vmaxq_s32(vminq_s32(result, high), low), l.output_offset), some);
    }
}

/* Any reciprocal: inputs that hardly differ. */
static void normalize_widely(const slimse_layer_norm_s8_t *layer, const int8_t *input, int32_t sum, int64_t reciprocal,
                             int8_t *output)
{
    for (uint32_t i = 0; i < layer->size; i++) {
        const int64_t product = ((int32_t)layer->size * input[i] - sum) * reciprocal;
        const int32_t normal = (int32_t)((product + ((int64_t)1 << (DOWN_BITS - 1))) >> DOWN_BITS);

        output[i] = slimse_requantize_s8(normal * layer->gamma[i] + layer->beta[i], layer->multiplier, layer->shift,
                                         layer->output_offset, INT8_MIN, INT8_MAX);
    }
}

void slimse_layer_norm_s8(const slimse_layer_norm_s8_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t size = layer->size;

    for (uint32_t left = layer->positions; left > 0U; left--) {
        const sums_t sums = add_up(input, size);
        /* The squared deviations size * x - sum, added up and divided by size: no remainder is left. */
        const uint64_t square =
            (uint64_t)size * sums.squares - (uint64_t)((int64_t)sums.values * sums.values) + layer->epsilon;
        const uint64_t reciprocal = ((uint64_t)1 << RECIPROCAL_BITS) / slimse_square_root(square << (2 * ROOT_BITS));

        if (reciprocal <= INT32_MAX) {
            normalize(layer, input, sums.values, (int32_t)reciprocal, output);
        } else {
            normalize_widely(layer, input, sums.values, (int64_t)reciprocal, output);
        }
        input += size;
        output += size;
    }
}
