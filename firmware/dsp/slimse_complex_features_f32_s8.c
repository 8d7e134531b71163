#include "slimse_features_f32_s8.h"

#include "slimse_power_f32.h"

enum { FRACTION_BITS = 23, PLACE_BITS = 18, SEGMENT_MASK = 31, PLACE_MASK = (1 << PLACE_BITS) - 1 };

/* A step from -128 to 127 of a level from 0 to 255, its fraction cut off. */
static int8_t to_step(float level)
{
    if (level < 0.0f) {
        level = 0.0f;
    }
    if (level > 255.0f) {
        level = 255.0f;
    }
    return (int8_t)((int32_t)level - 128);
}

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power: a
 * factor for the power's binary exponent times one for its fraction, which straight lines give. */
static void compress(const slimse_complex_features_f32_s8_t *compression, float re, float im,
                     int8_t *feature)
{
    const uint32_t bits = slimse_float_bits(re * re + im * im + compression->floor);
    const float *line = compression->segments + 2u * ((bits >> PLACE_BITS) & SEGMENT_MASK);
    const float place = (float)(int32_t)(bits & PLACE_MASK);
    const float gain = compression->octaves[bits >> FRACTION_BITS] * (line[0] + line[1] * place);

    feature[0] = to_step(re * gain + compression->offset);
    feature[1] = to_step(im * gain + compression->offset);
}

void slimse_complex_features_f32_s8(const slimse_complex_features_f32_s8_t *compression,
                                    slimse_complex_t *packed, int8_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_complex_t *turns = compression->spectrum.turns;
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends(packed[0]);
    compress(compression, packed[0].re, 0.0f, features);
    compress(compression, packed[0].im, 0.0f, features + 2 * hop);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t bins = slimse_split(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        compress(compression, bins.low.re, bins.low.im, features + 2 * k);
        compress(compression, bins.high.re, bins.high.im, features + 2 * (hop - k));
    }
}
