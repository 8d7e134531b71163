/* Compression of a spectrum in single precision to int16 features with zero point 0. */
#ifndef SLIMSE_FEATURES_F32_S16_H
#define SLIMSE_FEATURES_F32_S16_H

#include "slimse_power_f32.h"
#include "slimse_spectrum_f32.h"

/* Compressed magnitude. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    float floor;                 /* added to each magnitude, >= 0 */
    slimse_power_f32_t root;     /* magnitude from 4 * power */
    slimse_power_f32_t exponent; /* steps of the feature from a magnitude */
} slimse_magnitude_features_f32_s16_t;

/* Compressed real and imaginary part. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    float floor;                 /* added to each power, >= 0 */
    slimse_power_f32_t exponent; /* steps per unit from 4 * power */
} slimse_complex_features_f32_s16_t;

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1] */
void slimse_magnitude_features_f32_s16(const slimse_magnitude_features_f32_s16_t *compression,
                                       slimse_complex_t *packed, int16_t *features);

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1][re, im] */
void slimse_complex_features_f32_s16(const slimse_complex_features_f32_s16_t *compression,
                                     slimse_complex_t *packed, int16_t *features);

#endif
