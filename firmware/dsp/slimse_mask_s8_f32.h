/* Spectrum in single precision times int8 mask. */
#ifndef SLIMSE_MASK_S8_F32_H
#define SLIMSE_MASK_S8_F32_H

#include "slimse_spectrum_f32.h"

/* Gains as int8. */
typedef struct {
    slimse_spectrum_f32_t spectrum;
    int16_t zero_point; /* mask value that means gain 0 */
    float gain;         /* gain per step of the mask, times 1 / (4 * hop) */
} slimse_mask_s8_f32_t;

/* mask [hop + 1], one gain per bin; spectrum [hop] -> packed [hop] in its place */
void slimse_magnitude_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                  slimse_complex_t *spectrum);

/* mask [hop + 1][re, im], one complex gain per bin; of bins 0 and hop, which are real, the real part
 * counts; spectrum [hop] -> packed [hop] in its place */
void slimse_complex_mask_s8_f32(const slimse_mask_s8_f32_t *scale, const int8_t *mask,
                                slimse_complex_t *spectrum);

#endif
