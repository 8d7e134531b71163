/* From the transform of sample pairs to the spectrum of the samples, and back, with Helium: bins k
 * and k + 1 in one vector, bins hop - k and hop - k - 1 in another.  See slimse_spectrum_f32.h. */
#ifndef SLIMSE_SPECTRUM_F32_MVE_H
#define SLIMSE_SPECTRUM_F32_MVE_H

#include "slimse_complex_f32_mve.h"
#include "slimse_spectrum_f32.h"

/* Both vectors. */
typedef struct {
    float32x4_t low, high;
} slimse_vector_bins_t;

/* Changes the sign of imaginary parts. */
static inline float32x4_t slimse_vector_conjugate(float32x4_t x)
{
    static const uint32_t signs[4] = {0, 0x80000000u, 0, 0x80000000u};

    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(x), vldrwq_u32(signs)));
}

/* Where the points of a vector that goes downwards are from its second, in bytes. */
static inline uint64x2_t slimse_vector_downwards(void)
{
    return vreinterpretq_u64_u32(vsetq_lane_u32(8, vdupq_n_u32(0), 0));
}

/* The point at `high` and the one before it. */
static inline float32x4_t slimse_vector_load_down(const slimse_complex_t *high,
                                                  uint64x2_t downwards)
{
    return vreinterpretq_f32_s64(
        vldrdq_gather_offset_s64((const int64_t *)(const void *)(high - 1), downwards));
}

static inline void slimse_vector_store_down(slimse_complex_t *high, uint64x2_t downwards,
                                            float32x4_t x)
{
    vstrdq_scatter_offset_s64((int64_t *)(void *)(high - 1), downwards, vreinterpretq_s64_f32(x));
}

/* Numbers of four bins in the order in which two vectors hold them: k, hop - k, k + 1, hop - k - 1.
 */
static inline uint32x4_t slimse_vector_bins(uint32_t hop)
{
    uint32x4_t bins = vdupq_n_u32(1);

    bins = vsetq_lane_u32(hop - 1, bins, 1);
    bins = vsetq_lane_u32(2, bins, 2);
    return vsetq_lane_u32(hop - 2, bins, 3);
}

/* What the next four bins' numbers are greater by. */
static inline uint32x4_t slimse_vector_bins_step(void)
{
    static const uint32_t step[4] = {2, (uint32_t)-2, 2, (uint32_t)-2};

    return vldrwq_u32(step);
}

/* The first of every two elements.  (Of a constant gcc 12.2 makes "all".) */
static inline mve_pred16_t slimse_vector_first_of_two(void)
{
    static const uint32_t order[4] = {0, 1, 0, 1};

    return vcmpeqq_n_u32(vldrwq_u32(order), 0);
}

static inline slimse_vector_bins_t slimse_vector_split(float32x4_t low, float32x4_t high,
                                                       float32x4_t turns)
{
    const float32x4_t mirrored = slimse_vector_conjugate(high);
    const float32x4_t even = vaddq_f32(low, mirrored);
    const float32x4_t turned = slimse_vector_product(vsubq_f32(low, mirrored), turns);
    const slimse_vector_bins_t bins = {vaddq_f32(even, turned),
                                       slimse_vector_conjugate(vsubq_f32(even, turned))};
    return bins;
}

static inline slimse_vector_bins_t slimse_vector_join(float32x4_t low, float32x4_t high,
                                                      float32x4_t turns)
{
    const float32x4_t mirrored = slimse_vector_conjugate(high);
    const float32x4_t even = vaddq_f32(low, mirrored);
    const float32x4_t turned = slimse_vector_product_conjugate(vsubq_f32(low, mirrored), turns);
    const slimse_vector_bins_t packed = {vaddq_f32(even, turned),
                                         slimse_vector_conjugate(vsubq_f32(even, turned))};
    return packed;
}

#endif
