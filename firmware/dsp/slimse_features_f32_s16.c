#include "slimse_features_f32_s16.h"

#include <string.h>

enum { FRACTION_BITS = 23, PLACE_BITS = 16, LINE_MASK = 127, PLACE_MASK = (1 << PLACE_BITS) - 1 };

/* A factor for the binary exponent times one for the fraction, which straight lines give. */
static float raise_to(const slimse_power_f32_t *power, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const float *line = power->lines + 2u * ((bits >> PLACE_BITS) & LINE_MASK);
    const float place = (float)(int32_t)(bits & PLACE_MASK);

    return power->octaves[bits >> FRACTION_BITS] * (line[0] + line[1] * place);
}

/* To nearest, a half goes up. */
static int16_t to_step(float level)
{
    if (level < -32768.0f) {
        level = -32768.0f;
    }
    if (level > 32767.0f) {
        level = 32767.0f;
    }
    return (int16_t)((int32_t)(level + 32768.5f) - 32768);
}

static int16_t compress_magnitude(const slimse_magnitude_features_f32_s16_t *compression, float re,
                                  float im)
{
    const float magnitude = raise_to(&compression->root, re * re + im * im) + compression->floor;

    return to_step(raise_to(&compression->exponent, magnitude));
}

void slimse_magnitude_features_f32_s16(const slimse_magnitude_features_f32_s16_t *compression,
                                       slimse_complex_t *packed, int16_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_complex_t *turns = compression->spectrum.turns;
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends(packed[0]);
    features[0] = compress_magnitude(compression, packed[0].re, 0.0f);
    features[hop] = compress_magnitude(compression, packed[0].im, 0.0f);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t bins = slimse_split(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        features[k] = compress_magnitude(compression, bins.low.re, bins.low.im);
        features[hop - k] = compress_magnitude(compression, bins.high.re, bins.high.im);
    }
}

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power. */
static void compress(const slimse_complex_features_f32_s16_t *compression, float re, float im,
                     int16_t *feature)
{
    const float gain = raise_to(&compression->exponent, re * re + im * im + compression->floor);

    feature[0] = to_step(re * gain);
    feature[1] = to_step(im * gain);
}

void slimse_complex_features_f32_s16(const slimse_complex_features_f32_s16_t *compression,
                                     slimse_complex_t *packed, int16_t *features)
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
