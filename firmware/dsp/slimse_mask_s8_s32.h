/* Spectrum in integers times int8 mask. */
#ifndef SLIMSE_MASK_S8_S32_H
#define SLIMSE_MASK_S8_S32_H

#include "slimse_spectrum_s32.h"

/* Gains as int8. */
typedef struct {
    slimse_spectrum_s32_t spectrum;
    int16_t zero_point; /* mask value that means gain 0 */
    uint8_t shift; /* 1 to 30: (mask - zero point) * multiplier, shifted right and rounded, is a */
    int32_t multiplier; /* gain as int16 */
} slimse_mask_s8_s32_t;

/* Gain of a mask value, as int16. */
static inline int16_t slimse_gain_s8_s32(const slimse_mask_s8_s32_t *scale, int8_t value)
{
    const int32_t product = (value - scale->zero_point) * scale->multiplier;

    return (int16_t)((product + (int32_t)(1u << (scale->shift - 1u))) >> scale->shift);
}

/* The same of a complex one. */
static inline slimse_turn_t slimse_gains_s8_s32(const slimse_mask_s8_s32_t *scale,
                                                const int8_t *values)
{
    const slimse_turn_t gains = {slimse_gain_s8_s32(scale, values[0]),
                                 slimse_gain_s8_s32(scale, values[1])};
    return gains;
}

/* mask [hop + 1], one gain per bin; spectrum [hop] -> packed [hop] in its place */
void slimse_magnitude_mask_s8_s32(const slimse_mask_s8_s32_t *scale, const int8_t *mask,
                                  slimse_complex_s32_t *spectrum);

/* mask [hop + 1][re, im], one complex gain per bin; of bins 0 and hop, which are real, the real
 * part counts; spectrum [hop] -> packed [hop] in its place */
void slimse_complex_mask_s8_s32(const slimse_mask_s8_s32_t *scale, const int8_t *mask,
                                slimse_complex_s32_t *spectrum);

#endif
