/* From the transform of sample pairs to the spectrum of the samples, and back, two bins at a time,
 * in integers. */
#ifndef SLIMSE_SPECTRUM_S32_H
#define SLIMSE_SPECTRUM_S32_H

#include "slimse_complex_s32.h"

/* What both directions need. */
typedef struct {
    uint16_t hop;
    const slimse_turn_t *turns; /* [hop / 2], -i exp(-2 pi i k / fft) for k = 1 .. hop / 2 */
} slimse_spectrum_s32_t;

/* Bins k and hop - k. */
typedef struct {
    slimse_complex_s32_t low, high;
} slimse_bins_s32_t;

/* Bins 0 and hop, both real, as (re, im), from packed[0]. */
static inline slimse_complex_s32_t slimse_split_ends_s32(slimse_complex_s32_t packed)
{
    const slimse_complex_s32_t ends = {packed.re + packed.im, packed.re - packed.im};
    return ends;
}

static inline slimse_bins_s32_t slimse_bins_of(slimse_complex_s32_t even,
                                               slimse_complex_s32_t half_turned)
{
    const int32_t re = even.re >> 1;
    const int32_t im = even.im >> 1;
    const slimse_bins_s32_t bins = {{re + half_turned.re, im + half_turned.im},
                                    {re - half_turned.re, half_turned.im - im}};
    return bins;
}

/* Bins k and hop - k from packed[k] and packed[hop - k]; for k = hop / 2 both are the same. */
static inline slimse_bins_s32_t slimse_split_s32(slimse_complex_s32_t low,
                                                 slimse_complex_s32_t high, slimse_turn_t turn)
{
    const slimse_complex_s32_t even = {low.re + high.re, low.im - high.im};
    const slimse_complex_s32_t odd = {low.re - high.re, low.im + high.im};
    return slimse_bins_of(even, slimse_half_product_s32(odd, turn));
}

/* The reverse of slimse_split_ends_s32. */
static inline slimse_complex_s32_t slimse_join_ends_s32(int32_t first, int32_t last)
{
    const slimse_complex_s32_t packed = {(first + last) >> 1, (first - last) >> 1};
    return packed;
}

/* The reverse of slimse_split_s32. */
static inline slimse_bins_s32_t slimse_join_s32(slimse_complex_s32_t low, slimse_complex_s32_t high,
                                                slimse_turn_t turn)
{
    const slimse_complex_s32_t even = {low.re + high.re, low.im - high.im};
    const slimse_complex_s32_t odd = {low.re - high.re, low.im + high.im};
    return slimse_bins_of(even, slimse_half_product_conjugate_s32(odd, turn));
}

#endif
