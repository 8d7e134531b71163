/* Compression of a spectrum in integers to int16 features with zero point 0. */
#ifndef SLIMSE_FEATURES_S32_S16_H
#define SLIMSE_FEATURES_S32_S16_H

#include "slimse_power_s32.h"
#include "slimse_spectrum_s32.h"

/* Compressed magnitude. */
typedef struct {
    slimse_spectrum_s32_t spectrum;
    uint64_t floor;              /* added to each magnitude, in steps of 2^-28 */
    slimse_power_s32_t root;     /* magnitude from a power */
    slimse_power_s32_t exponent; /* steps of the feature from a magnitude in steps of 2^-28 */
} slimse_magnitude_features_s32_s16_t;

/* Compressed real and imaginary part. */
typedef struct {
    slimse_spectrum_s32_t spectrum;
    uint64_t floor;           /* added to each power */
    slimse_power_s32_t power; /* steps per unit from a power */
} slimse_complex_features_s32_s16_t;

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1] */
void slimse_magnitude_features_s32_s16(const slimse_magnitude_features_s32_s16_t *compression,
                                       slimse_complex_s32_t *packed, int16_t *features);

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1][re, im] */
void slimse_complex_features_s32_s16(const slimse_complex_features_s32_s16_t *compression,
                                     slimse_complex_s32_t *packed, int16_t *features);

#endif
