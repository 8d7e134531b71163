/* Complex integers, and the butterflies that Fourier transforms are made of.
 *
 * Every shift cuts off downwards; where, and in what order sums are taken, is part of the
 * specification (slimse_mcu/dsp/stft_s32.py).  Right shifts of negative numbers are arithmetic, as
 * with every compiler for these cores. */
#ifndef SLIMSE_COMPLEX_S32_H
#define SLIMSE_COMPLEX_S32_H

#include <stdint.h>

typedef struct {
    int32_t re, im;
} slimse_complex_s32_t;

/* A number of magnitude 1, in steps of 2^-15. */
typedef struct {
    int16_t re, im;
} slimse_turn_t;

/* x * w / 2^16, rounded down: half the product with w in steps of 2^-15. */
static inline int32_t slimse_half_product(int32_t x, int32_t w)
{
#if defined __thumb__ && !defined __thumb2__ /* a core whose multiplication has 32 bits */
    return (x >> 16) * w + (((x & 0xFFFF) * w) >> 16);
#else
    return (int32_t)(((int64_t)x * (w * 65536)) >> 32);
#endif
}

static inline slimse_complex_s32_t slimse_sum_s32(slimse_complex_s32_t a, slimse_complex_s32_t b)
{
    const slimse_complex_s32_t y = {a.re + b.re, a.im + b.im};
    return y;
}

static inline slimse_complex_s32_t slimse_difference_s32(slimse_complex_s32_t a,
                                                         slimse_complex_s32_t b)
{
    const slimse_complex_s32_t y = {a.re - b.re, a.im - b.im};
    return y;
}

/* a + i b */
static inline slimse_complex_s32_t slimse_sum_turned_s32(slimse_complex_s32_t a,
                                                         slimse_complex_s32_t b)
{
    const slimse_complex_s32_t y = {a.re - b.im, a.im + b.re};
    return y;
}

/* a - i b */
static inline slimse_complex_s32_t slimse_difference_turned_s32(slimse_complex_s32_t a,
                                                                slimse_complex_s32_t b)
{
    const slimse_complex_s32_t y = {a.re + b.im, a.im - b.re};
    return y;
}

static inline slimse_complex_s32_t slimse_half(slimse_complex_s32_t x)
{
    const slimse_complex_s32_t y = {x.re >> 1, x.im >> 1};
    return y;
}

/* x w / 2 */
static inline slimse_complex_s32_t slimse_half_product_s32(slimse_complex_s32_t x, slimse_turn_t w)
{
    const slimse_complex_s32_t y = {
        slimse_half_product(x.re, w.re) - slimse_half_product(x.im, w.im),
        slimse_half_product(x.re, w.im) + slimse_half_product(x.im, w.re),
    };
    return y;
}

/* Half of x times the conjugate of w. */
static inline slimse_complex_s32_t slimse_half_product_conjugate_s32(slimse_complex_s32_t x,
                                                                     slimse_turn_t w)
{
    const slimse_complex_s32_t y = {
        slimse_half_product(x.re, w.re) + slimse_half_product(x.im, w.im),
        slimse_half_product(x.im, w.re) - slimse_half_product(x.re, w.im),
    };
    return y;
}

/* y[k] = sum over j of x[j] exp(-2 pi i j k / 4) */
static inline void slimse_butterfly4_s32(const slimse_complex_s32_t x[4], slimse_complex_s32_t y[4])
{
    const slimse_complex_s32_t a = slimse_sum_s32(x[0], x[2]);
    const slimse_complex_s32_t b = slimse_difference_s32(x[0], x[2]);
    const slimse_complex_s32_t c = slimse_sum_s32(x[1], x[3]);
    const slimse_complex_s32_t d = slimse_difference_s32(x[1], x[3]);

    y[0] = slimse_sum_s32(a, c);
    y[1] = slimse_difference_turned_s32(b, d);
    y[2] = slimse_difference_s32(a, c);
    y[3] = slimse_sum_turned_s32(b, d);
}

/* x[j] = sum over k of y[k] exp(2 pi i j k / 4) */
static inline void slimse_butterfly4_inverse_s32(const slimse_complex_s32_t y[4],
                                                 slimse_complex_s32_t x[4])
{
    const slimse_complex_s32_t a = slimse_sum_s32(y[0], y[2]);
    const slimse_complex_s32_t b = slimse_difference_s32(y[0], y[2]);
    const slimse_complex_s32_t c = slimse_sum_s32(y[1], y[3]);
    const slimse_complex_s32_t d = slimse_difference_s32(y[1], y[3]);

    x[0] = slimse_sum_s32(a, c);
    x[1] = slimse_sum_turned_s32(b, d);
    x[2] = slimse_difference_s32(a, c);
    x[3] = slimse_difference_turned_s32(b, d);
}

#endif
