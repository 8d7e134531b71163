/* Compression of a spectrum in integers to int8 features. */
#ifndef SLIMSE_FEATURES_S32_S8_H
#define SLIMSE_FEATURES_S32_S8_H

#include "slimse_power_s32.h"
#include "slimse_spectrum_s32.h"
#include "slimse_steps.h"

/* Compressed magnitude. */
typedef struct {
    slimse_spectrum_s32_t spectrum;
    slimse_steps_t steps; /* of the power as a number */
} slimse_magnitude_features_s32_s8_t;

/* Compressed real and imaginary part. */
typedef struct {
    slimse_spectrum_s32_t spectrum;
    int16_t zero_point;       /* of the features */
    uint64_t floor;           /* added to each power */
    slimse_power_s32_t power; /* steps per unit from a power */
} slimse_complex_features_s32_s8_t;

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1] */
void slimse_magnitude_features_s32_s8(const slimse_magnitude_features_s32_s8_t *compression,
                                      slimse_complex_s32_t *packed, int8_t *features);

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1][re, im] */
void slimse_complex_features_s32_s8(const slimse_complex_features_s32_s8_t *compression,
                                    slimse_complex_s32_t *packed, int8_t *features);

#endif
