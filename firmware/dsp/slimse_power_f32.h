/* Powers of numbers that are not negative, in single precision. */
#ifndef SLIMSE_POWER_F32_H
#define SLIMSE_POWER_F32_H

#include <stdint.h>
#include <string.h>

/* Floats that are not negative order like their bits. */
static inline uint32_t slimse_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A power of a float that is not negative. */
typedef struct {
    const float
        *octaves; /* [256], by the biased exponent: the result where the fraction is 1; [0] is 0 */
    const float *lines; /* [128][value, slope per 2^-16], through the same power of the fraction */
} slimse_power_f32_t;

/* A factor for the binary exponent times one for the fraction, which straight lines give. */
static inline float slimse_raise_f32(const slimse_power_f32_t *power, float value)
{
    const uint32_t bits = slimse_float_bits(value);
    const float *line = power->lines + 2u * ((bits >> 16) & 127u);
    const float place = (float)(int32_t)(bits & 0xFFFFu);

    return power->octaves[bits >> 23] * (line[0] + line[1] * place);
}

/* To the nearest step of int16, a half goes up. */
static inline int16_t slimse_to_step(float level)
{
    if (level < -32768.0f) {
        level = -32768.0f;
    }
    if (level > 32767.0f) {
        level = 32767.0f;
    }
    return (int16_t)((int32_t)(level + 32768.5f) - 32768);
}

#endif
