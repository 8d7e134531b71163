/* Compression of a spectrum in single precision to int8 features. */
#ifndef SLIMSE_FEATURES_F32_S8_H
#define SLIMSE_FEATURES_F32_S8_H

#include "slimse_spectrum_f32.h"
#include "slimse_steps.h"

/* Compressed magnitude. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    slimse_steps_t steps; /* of the bits of 4 * power, a float */
} slimse_magnitude_features_f32_s8_t;

/* Compressed real and imaginary part. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    float floor;           /* added to each power, >= 0 */
    float offset;          /* zero point of the features + 128.5: 0.5 to 255.5 */
    const float *octaves;  /* [256], steps per unit by the power's biased exponent; [0] is 0 */
    const float *segments; /* [32][value, slope per 2^-18], lines through the rest of the power */
} slimse_complex_features_f32_s8_t;

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1] */
void slimse_magnitude_features_f32_s8(const slimse_magnitude_features_f32_s8_t *compression,
                                      slimse_complex_t *packed, int8_t *features);

/* packed [hop] -> spectrum [hop] in its place, features [hop + 1][re, im] */
void slimse_complex_features_f32_s8(const slimse_complex_features_f32_s8_t *compression,
                                    slimse_complex_t *packed, int8_t *features);

#endif
