/** Gates of recurrent layers, four units at a time; slimse_recurrent.h does the same to one. */
#ifndef SLIMSE_GATE_VALUES_H
#define SLIMSE_GATE_VALUES_H

#include "slimse_curves.h"

#include <arm_mve.h>

/** A product with a Q15 factor of 0 .. 32767, brought back by 15 bits, rounded half up. */
static inline int32x4_t slimse_times_q15(int32x4_t value, int32x4_t factor)
{
    return vqrdmulhq_s32(value, vshlq_n_s32(factor, 16));
}

/** (a * b + c * d) / 2^(shift + 1), rounded half up, which fits int32; shift 1 .. 31. */
static inline int32x4_t slimse_scaled_sum(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int32_t shift)
{
    const uint32x4_t low0 = vreinterpretq_u32_s32(vmulq_s32(a, b));
    const uint32x4_t low = vaddq_u32(low0, vreinterpretq_u32_s32(vmulq_s32(c, d)));
    const int32x4_t high0 = vaddq_s32(vmulhq_s32(a, b), vmulhq_s32(c, d));
    const int32x4_t high = vaddq_m_n_s32(high0, high0, 1, vcmphiq_u32(low0, low));
    const uint32x4_t from_low = vshlq_r_u32(low, -shift);
    const int32x4_t joined = vorrq_s32(vshlq_r_s32(high, 32 - shift), vreinterpretq_s32_u32(from_low));

    return vrshrq_n_s32(joined, 1);
}

/** A curve at Q3.12 values, saturated to int16, linear in between, rounded half up. */
static inline int32x4_t slimse_interpolate_vector(const int16_t curve[257], int32x4_t value)
{
    /* The 8 highest bits are the entry, the 8 below them how far the next one is on the way. */
    const uint32x4_t position =
        veorq_u32(vreinterpretq_u32_s32(vqshlq_n_s32(value, 16)), vdupq_n_u32((uint32_t)INT32_MIN));
    const uint32x4_t entry = vshrq_n_u32(position, 24);
    const int32x4_t fraction = vreinterpretq_s32_u32(vshrq_n_u32(vshlq_n_u32(position, 8), 24));
    const int32x4_t low = vldrhq_gather_shifted_offset_s32(curve, entry);
    const int32x4_t high = vldrhq_gather_shifted_offset_s32(&curve[1], entry);

    return vaddq_s32(low, vrshrq_n_s32(vmulq_s32(vsubq_s32(high, low), fraction), 8));
}

#endif
