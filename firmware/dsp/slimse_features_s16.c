/* Compression of a spectrum to int16 features, of magnitudes or of real and imaginary parts. */
#include "slimse_dsp.h"

#include <string.h>

enum { FRACTION_BITS = 23, PLACE_BITS = 16, LINE_MASK = 127, PLACE_MASK = (1 << PLACE_BITS) - 1 };

/* A factor for the binary exponent times one for the fraction, which straight lines give. */
static float raise_to(const slimse_power_t *power, float value)
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

static int16_t compress_power(const slimse_magnitude_features_s16_t *compression, float power)
{
    const float magnitude = raise_to(&compression->root, power) + compression->floor;

    return to_step(raise_to(&compression->exponent, magnitude));
}

void slimse_magnitude_features_s16(const slimse_magnitude_features_s16_t *compression,
                                   const float *spectrum, int16_t *features)
{
    const uint32_t hop = compression->hop;

    features[0] = compress_power(compression, spectrum[0] * spectrum[0]);
    features[hop] = compress_power(compression, spectrum[1] * spectrum[1]);
    for (uint32_t k = 1; k < hop; k++) {
        const float re = spectrum[2 * k];
        const float im = spectrum[2 * k + 1];
        features[k] = compress_power(compression, re * re + im * im);
    }
}

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power. */
static void compress(const slimse_complex_features_s16_t *compression, float re, float im,
                     int16_t *feature)
{
    const float gain = raise_to(&compression->exponent, re * re + im * im + compression->floor);

    feature[0] = to_step(re * gain);
    feature[1] = to_step(im * gain);
}

void slimse_complex_features_s16(const slimse_complex_features_s16_t *compression,
                                 const float *spectrum, int16_t *features)
{
    const uint32_t hop = compression->hop;

    compress(compression, spectrum[0], 0.0f, features);
    compress(compression, spectrum[1], 0.0f, features + 2 * hop);
    for (uint32_t k = 1; k < hop; k++) {
        compress(compression, spectrum[2 * k], spectrum[2 * k + 1], features + 2 * k);
    }
}
