/* Complex numbers in single precision, and the butterflies that Fourier transforms are made of.
 *
 * Every sum, difference and product is rounded once and in the order written: the order is part of
 * the specification (slimse_mcu/dsp/stft_f32.py). */
#ifndef SLIMSE_COMPLEX_F32_H
#define SLIMSE_COMPLEX_F32_H

#include <float.h>
#include <stdint.h>

#if FLT_EVAL_METHOD != 0
#error "slimse needs float arithmetic in single precision (on 32-bit x86: -msse2 -mfpmath=sse)."
#endif

typedef struct {
    float re, im;
} slimse_complex_t;

static inline slimse_complex_t slimse_sum(slimse_complex_t a, slimse_complex_t b)
{
    const slimse_complex_t y = {a.re + b.re, a.im + b.im};
    return y;
}

static inline slimse_complex_t slimse_difference(slimse_complex_t a, slimse_complex_t b)
{
    const slimse_complex_t y = {a.re - b.re, a.im - b.im};
    return y;
}

/* a + i b */
static inline slimse_complex_t slimse_sum_turned(slimse_complex_t a, slimse_complex_t b)
{
    const slimse_complex_t y = {a.re - b.im, a.im + b.re};
    return y;
}

/* a - i b */
static inline slimse_complex_t slimse_difference_turned(slimse_complex_t a, slimse_complex_t b)
{
    const slimse_complex_t y = {a.re + b.im, a.im - b.re};
    return y;
}

static inline slimse_complex_t slimse_product(slimse_complex_t x, slimse_complex_t w)
{
    const slimse_complex_t y = {x.re * w.re - x.im * w.im, x.re * w.im + x.im * w.re};
    return y;
}

/* x times the conjugate of w */
static inline slimse_complex_t slimse_product_conjugate(slimse_complex_t x, slimse_complex_t w)
{
    const slimse_complex_t y = {x.re * w.re + x.im * w.im, x.im * w.re - x.re * w.im};
    return y;
}

static inline slimse_complex_t slimse_scaled(slimse_complex_t x, float factor)
{
    const slimse_complex_t y = {x.re * factor, x.im * factor};
    return y;
}

static const float slimse_half_root = 0x1.6a09e6p-1f; /* sqrt(1 / 2) */

/* y[k] = sum over j of x[j] exp(-2 pi i j k / 4) */
static inline void slimse_butterfly4(const slimse_complex_t x[4], slimse_complex_t y[4])
{
    const slimse_complex_t a = slimse_sum(x[0], x[2]);
    const slimse_complex_t b = slimse_difference(x[0], x[2]);
    const slimse_complex_t c = slimse_sum(x[1], x[3]);
    const slimse_complex_t d = slimse_difference(x[1], x[3]);

    y[0] = slimse_sum(a, c);
    y[1] = slimse_difference_turned(b, d);
    y[2] = slimse_difference(a, c);
    y[3] = slimse_sum_turned(b, d);
}

/* x[j] = sum over k of y[k] exp(2 pi i j k / 4) */
static inline void slimse_butterfly4_inverse(const slimse_complex_t y[4], slimse_complex_t x[4])
{
    const slimse_complex_t a = slimse_sum(y[0], y[2]);
    const slimse_complex_t b = slimse_difference(y[0], y[2]);
    const slimse_complex_t c = slimse_sum(y[1], y[3]);
    const slimse_complex_t d = slimse_difference(y[1], y[3]);

    x[0] = slimse_sum(a, c);
    x[1] = slimse_sum_turned(b, d);
    x[2] = slimse_difference(a, c);
    x[3] = slimse_difference_turned(b, d);
}

/* y[k] = sum over j of x[j] exp(-2 pi i j k / 8) */
static inline void slimse_butterfly8(const slimse_complex_t x[8], slimse_complex_t y[8])
{
    const slimse_complex_t even_x[4] = {x[0], x[2], x[4], x[6]};
    const slimse_complex_t odd_x[4] = {x[1], x[3], x[5], x[7]};
    slimse_complex_t even[4], odd[4];

    slimse_butterfly4(odd_x, odd);
    slimse_butterfly4(even_x, even);
    const slimse_complex_t odd1 =
        slimse_scaled(slimse_difference_turned(odd[1], odd[1]), slimse_half_root);
    const slimse_complex_t minus_odd3 =
        slimse_scaled(slimse_sum_turned(odd[3], odd[3]), slimse_half_root);

    y[0] = slimse_sum(even[0], odd[0]);
    y[4] = slimse_difference(even[0], odd[0]);
    y[2] = slimse_difference_turned(even[2], odd[2]);
    y[6] = slimse_sum_turned(even[2], odd[2]);
    y[1] = slimse_sum(even[1], odd1);
    y[5] = slimse_difference(even[1], odd1);
    y[3] = slimse_difference(even[3], minus_odd3);
    y[7] = slimse_sum(even[3], minus_odd3);
}

/* x[j] = sum over k of y[k] exp(2 pi i j k / 8) */
static inline void slimse_butterfly8_inverse(const slimse_complex_t y[8], slimse_complex_t x[8])
{
    slimse_complex_t sums[4], differences[4], even[4];

    for (uint32_t k = 0; k < 4; k++) {
        sums[k] = slimse_sum(y[k], y[k + 4]);
        differences[k] = slimse_difference(y[k], y[k + 4]);
    }
    slimse_butterfly4_inverse(sums, even);
    const slimse_complex_t turned1 =
        slimse_scaled(slimse_sum_turned(differences[1], differences[1]), slimse_half_root);
    const slimse_complex_t minus_turned3 =
        slimse_scaled(slimse_difference_turned(differences[3], differences[3]), slimse_half_root);
    const slimse_complex_t a = slimse_sum_turned(differences[0], differences[2]);
    const slimse_complex_t b = slimse_difference_turned(differences[0], differences[2]);
    const slimse_complex_t c = slimse_difference(turned1, minus_turned3);
    const slimse_complex_t d = slimse_sum(turned1, minus_turned3);

    x[0] = even[0];
    x[2] = even[1];
    x[4] = even[2];
    x[6] = even[3];
    x[1] = slimse_sum(a, c);
    x[5] = slimse_difference(a, c);
    x[3] = slimse_sum_turned(b, d);
    x[7] = slimse_difference_turned(b, d);
}

#endif
