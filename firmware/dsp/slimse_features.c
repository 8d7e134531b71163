/* Compression of a spectrum to int8 features, of magnitudes or of real and imaginary parts. */
#include "slimse_dsp.h"

#include <string.h>

enum { FRACTION_BITS = 23, PLACE_BITS = 18, SEGMENT_MASK = 31, PLACE_MASK = (1 << PLACE_BITS) - 1 };

/* Floats that are not negative order like their bits; cores without an FPU compare these at once. */
static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Feature of a bin from 4 * power: compression and quantization are one ascending function of the
 * power, so a search among its 255 steps gives the exactly rounded result without root or exponent. */
static int8_t quantize_power(const float *thresholds, float power)
{
    const uint32_t bits = float_bits(power);
    uint32_t level = 0;

    for (uint32_t step = 128; step != 0; step >>= 1) {
        if (bits >= float_bits(thresholds[level + step - 1])) {
            level += step;
        }
    }
    return (int8_t)((int32_t)level - 128);
}

void slimse_magnitude_features_s8(const slimse_magnitude_features_t *compression,
                                  const float *spectrum, int8_t *features)
{
    const uint32_t hop = compression->hop;
    const float *thresholds = compression->thresholds;

    features[0] = quantize_power(thresholds, spectrum[0] * spectrum[0]);
    features[hop] = quantize_power(thresholds, spectrum[1] * spectrum[1]);
    for (uint32_t k = 1; k < hop; k++) {
        const float re = spectrum[2 * k];
        const float im = spectrum[2 * k + 1];
        features[k] = quantize_power(thresholds, re * re + im * im);
    }
}

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

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power: a factor
 * for the power's binary exponent times one for its fraction, which straight lines give. */
static void compress(const slimse_complex_features_t *compression, float re, float im,
                     int8_t *feature)
{
    const uint32_t bits = float_bits(re * re + im * im + compression->floor);
    const float *line = compression->segments + 2u * ((bits >> PLACE_BITS) & SEGMENT_MASK);
    const float place = (float)(int32_t)(bits & PLACE_MASK);
    const float gain = compression->octaves[bits >> FRACTION_BITS] * (line[0] + line[1] * place);

    feature[0] = to_step(re * gain + compression->offset);
    feature[1] = to_step(im * gain + compression->offset);
}

void slimse_complex_features_s8(const slimse_complex_features_t *compression, const float *spectrum,
                                int8_t *features)
{
    const uint32_t hop = compression->hop;

    compress(compression, spectrum[0], 0.0f, features);
    compress(compression, spectrum[1], 0.0f, features + 2 * hop);
    for (uint32_t k = 1; k < hop; k++) {
        compress(compression, spectrum[2 * k], spectrum[2 * k + 1], features + 2 * k);
    }
}
