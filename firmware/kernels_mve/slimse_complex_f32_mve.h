/* Two complex numbers in a vector, (re, im, re, im), and the butterflies of slimse_complex_f32.h.
 *
 * The same sums, differences and products, each rounded once: VCMUL gives two products, VCADD two
 * sums; nothing is fused.  Helium takes numbers below 2^-126 as zero, but of int16 samples none
 * come up: sums cancel to a step of their parts, and the least that tests find is 2^-47. */
#ifndef SLIMSE_COMPLEX_F32_MVE_H
#define SLIMSE_COMPLEX_F32_MVE_H

#include <arm_mve.h>

#include "slimse_complex_f32.h"

/* a + i b */
static inline float32x4_t slimse_vector_sum_turned(float32x4_t a, float32x4_t b)
{
    return vcaddq_rot90_f32(a, b);
}

/* a - i b */
static inline float32x4_t slimse_vector_difference_turned(float32x4_t a, float32x4_t b)
{
    return vcaddq_rot270_f32(a, b);
}

static inline float32x4_t slimse_vector_product(float32x4_t x, float32x4_t w)
{
    return vaddq_f32(vcmulq_f32(x, w), vcmulq_rot90_f32(x, w));
}

/* x times the conjugate of w */
static inline float32x4_t slimse_vector_product_conjugate(float32x4_t x, float32x4_t w)
{
    return vaddq_f32(vcmulq_f32(w, x), vcmulq_rot270_f32(w, x));
}

/* y[k] = sum over j of x[j] exp(-2 pi i j k / 4) */
static inline void slimse_vector_butterfly4(const float32x4_t x[4], float32x4_t y[4])
{
    const float32x4_t a = vaddq_f32(x[0], x[2]);
    const float32x4_t b = vsubq_f32(x[0], x[2]);
    const float32x4_t c = vaddq_f32(x[1], x[3]);
    const float32x4_t d = vsubq_f32(x[1], x[3]);

    y[0] = vaddq_f32(a, c);
    y[1] = slimse_vector_difference_turned(b, d);
    y[2] = vsubq_f32(a, c);
    y[3] = slimse_vector_sum_turned(b, d);
}

/* x[j] = sum over k of y[k] exp(2 pi i j k / 4) */
static inline void slimse_vector_butterfly4_inverse(const float32x4_t y[4], float32x4_t x[4])
{
    const float32x4_t a = vaddq_f32(y[0], y[2]);
    const float32x4_t b = vsubq_f32(y[0], y[2]);
    const float32x4_t c = vaddq_f32(y[1], y[3]);
    const float32x4_t d = vsubq_f32(y[1], y[3]);

    x[0] = vaddq_f32(a, c);
    x[1] = slimse_vector_sum_turned(b, d);
    x[2] = vsubq_f32(a, c);
    x[3] = slimse_vector_difference_turned(b, d);
}

/* y[k] = sum over j of x[j] exp(-2 pi i j k / 8), from the transforms of the even and the odd x. */
static inline void slimse_vector_join8(const float32x4_t even[4], const float32x4_t odd[4],
                                       float32x4_t y[8])
{
    y[0] = vaddq_f32(even[0], odd[0]);
    y[4] = vsubq_f32(even[0], odd[0]);
    y[2] = slimse_vector_difference_turned(even[2], odd[2]);
    y[6] = slimse_vector_sum_turned(even[2], odd[2]);
    const float32x4_t odd1 =
        vmulq_n_f32(slimse_vector_difference_turned(odd[1], odd[1]), slimse_half_root);
    y[1] = vaddq_f32(even[1], odd1);
    y[5] = vsubq_f32(even[1], odd1);
    const float32x4_t minus_odd3 =
        vmulq_n_f32(slimse_vector_sum_turned(odd[3], odd[3]), slimse_half_root);
    y[3] = vsubq_f32(even[3], minus_odd3);
    y[7] = vaddq_f32(even[3], minus_odd3);
}

/* The odd x[j] = sum over k of y[k] exp(2 pi i j k / 8), from y[k] - y[k + 4]. */
static inline void slimse_vector_odd8_inverse(const float32x4_t differences[4], float32x4_t x[4])
{
    const float32x4_t turned1 =
        vmulq_n_f32(slimse_vector_sum_turned(differences[1], differences[1]), slimse_half_root);
    const float32x4_t minus_turned3 = vmulq_n_f32(
        slimse_vector_difference_turned(differences[3], differences[3]), slimse_half_root);
    const float32x4_t a = slimse_vector_sum_turned(differences[0], differences[2]);
    const float32x4_t b = slimse_vector_difference_turned(differences[0], differences[2]);
    const float32x4_t c = vsubq_f32(turned1, minus_turned3);
    const float32x4_t d = vaddq_f32(turned1, minus_turned3);

    x[0] = vaddq_f32(a, c);
    x[2] = vsubq_f32(a, c);
    x[1] = slimse_vector_sum_turned(b, d);
    x[3] = slimse_vector_difference_turned(b, d);
}

#endif
