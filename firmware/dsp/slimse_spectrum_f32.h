/* From the transform of sample pairs to the spectrum of the samples, and back, two bins at a time.
 */
#ifndef SLIMSE_SPECTRUM_F32_H
#define SLIMSE_SPECTRUM_F32_H

#include "slimse_complex_f32.h"

/* What both directions need. */
typedef struct {
    uint16_t hop;
    const slimse_complex_t *turns; /* [hop / 2], -i exp(-2 pi i k / fft) for k = 1 .. hop / 2 */
} slimse_spectrum_f32_t;

/* Bins k and hop - k. */
typedef struct {
    slimse_complex_t low, high;
} slimse_bins_t;

/* Bins 0 and hop, both real, times two, as (re, im), from packed[0]. */
static inline slimse_complex_t slimse_split_ends(slimse_complex_t packed)
{
    const slimse_complex_t ends = {2.0f * (packed.re + packed.im), 2.0f * (packed.re - packed.im)};
    return ends;
}

/* Bins k and hop - k, times two, from packed[k] and packed[hop - k]; for k = hop / 2 both are the
 * same. */
static inline slimse_bins_t slimse_split(slimse_complex_t low, slimse_complex_t high,
                                         slimse_complex_t turn)
{
    const slimse_complex_t even = {low.re + high.re, low.im - high.im};
    const slimse_complex_t odd = {low.re - high.re, low.im + high.im};
    const slimse_complex_t turned = slimse_product(odd, turn);
    const slimse_bins_t bins = {{even.re + turned.re, even.im + turned.im},
                                {even.re - turned.re, turned.im - even.im}};
    return bins;
}

/* The reverse of slimse_split_ends, times four. */
static inline slimse_complex_t slimse_join_ends(float first, float last)
{
    const slimse_complex_t packed = {first + last, first - last};
    return packed;
}

/* The reverse of slimse_split, times four. */
static inline slimse_bins_t slimse_join(slimse_complex_t low, slimse_complex_t high,
                                        slimse_complex_t turn)
{
    const slimse_complex_t even = {low.re + high.re, low.im - high.im};
    const slimse_complex_t odd = {low.re - high.re, low.im + high.im};
    const slimse_complex_t turned = slimse_product_conjugate(odd, turn);
    const slimse_bins_t packed = {{even.re + turned.re, even.im + turned.im},
                                  {even.re - turned.re, turned.im - even.im}};
    return packed;
}

#endif
