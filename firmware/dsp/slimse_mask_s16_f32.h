/* Spectrum in single precision times int16 mask. */
#ifndef SLIMSE_MASK_S16_F32_H
#define SLIMSE_MASK_S16_F32_H

#include "slimse_spectrum_f32.h"

/* Gains as int16 with zero point 0. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    float gain; /* gain per step of the mask, times 1 / (4 * hop) */
} slimse_mask_s16_f32_t;

/* Gain of a mask value, times 1 / (4 * hop). */
static inline float slimse_gain_s16_f32(const slimse_mask_s16_f32_t *scale, int16_t value)
{
    return (float)value * scale->gain;
}

/* The same of a complex one. */
static inline slimse_complex_t slimse_gains_s16_f32(const slimse_mask_s16_f32_t *scale,
                                                    const int16_t *values)
{
    const slimse_complex_t gains = {slimse_gain_s16_f32(scale, values[0]),
                                    slimse_gain_s16_f32(scale, values[1])};
    return gains;
}

/* mask [hop + 1], one gain per bin; spectrum [hop] -> packed [hop] in its place */
void slimse_magnitude_mask_s16_f32(const slimse_mask_s16_f32_t *scale, const int16_t *mask,
                                   slimse_complex_t *spectrum);

/* mask [hop + 1][re, im], one complex gain per bin; of bins 0 and hop, which are real, the real
 * part counts; spectrum [hop] -> packed [hop] in its place */
void slimse_complex_mask_s16_f32(const slimse_mask_s16_f32_t *scale, const int16_t *mask,
                                 slimse_complex_t *spectrum);

#endif
