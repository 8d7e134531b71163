/* The passes with Helium: two neighbouring points to a vector, every operation as without. */
#include "slimse_stft_passes_f32.h"

#include "slimse_complex_f32_mve.h"

/* Where two blocks of 8 points begin, in bytes. */
static uint64x2_t blocks_of(const uint8_t *places)
{
    uint32x4_t offsets = vdupq_n_u32(0);

    offsets = vsetq_lane_u32(64u * places[0], offsets, 0);
    offsets = vsetq_lane_u32(64u * places[1], offsets, 2);
    return vreinterpretq_u64_u32(offsets);
}

/* One point of each of two blocks. */
static float32x4_t load_points(const slimse_complex_t *packed, uint64x2_t blocks)
{
    return vreinterpretq_f32_s64(
        vldrdq_gather_offset_s64((const int64_t *)(const void *)packed, blocks));
}

static void store_points(slimse_complex_t *packed, uint64x2_t blocks, float32x4_t y)
{
    vstrdq_scatter_offset_s64((int64_t *)(void *)packed, blocks, vreinterpretq_s64_f32(y));
}

static float32x4_t windowed(const int16_t *samples, float32x4_t window)
{
    return vmulq_f32(vcvtq_f32_s32(vldrhq_s32(samples)), window);
}

void slimse_stft_first_pass_f32(const slimse_stft_f32_t *stft, const int16_t *pcm,
                                const int16_t *history, slimse_complex_t *packed)
{
    const uint32_t stride = stft->hop / 4u; /* samples */
    const uint32x4_t backwards = vddupq_n_u32(3, 1);
    const float *rising = stft->window;
    const float *falling = stft->window + stft->hop - 3;
    const uint8_t *places = stft->places;

    for (uint32_t n = 0; n < stride; n += 4, places += 2) {
        float32x4_t x[4], even[4], odd[4], y[8];
        for (uint32_t j = 0; j < 2; j++) {
            const uint32_t at = n + (2 * j + 1) * stride;
            x[j] = windowed(history + at, vldrwq_f32(rising + at));
            x[j + 2] =
                windowed(pcm + at, vldrwq_gather_shifted_offset_f32(falling - at, backwards));
        }
        slimse_vector_butterfly4(x, odd);
        for (uint32_t j = 0; j < 2; j++) {
            const uint32_t at = n + 2 * j * stride;
            x[j] = windowed(history + at, vldrwq_f32(rising + at));
            x[j + 2] =
                windowed(pcm + at, vldrwq_gather_shifted_offset_f32(falling - at, backwards));
        }
        slimse_vector_butterfly4(x, even);
        slimse_vector_join8(even, odd, y);
        const uint64x2_t blocks = blocks_of(places);
        for (uint32_t k = 0; k < 8; k++) {
            store_points(packed + k, blocks, y[k]);
        }
    }
}

static float32x4_t load(const slimse_complex_t *p)
{
    return vldrwq_f32(&p->re);
}

static void store(slimse_complex_t *p, float32x4_t y)
{
    vstrwq_f32(&p->re, y);
}

/* Twiddles of point k and k + 1, which are `step` apart. */
static float32x4_t load_twiddles(const slimse_complex_t *w, uint64x2_t step)
{
    return vreinterpretq_f32_s64(vldrdq_gather_offset_s64((const int64_t *)(const void *)w, step));
}

static uint64x2_t apart(uint32_t step)
{
    return vreinterpretq_u64_u32(vsetq_lane_u32(8u * step, vdupq_n_u32(0), 2));
}

void slimse_stft_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w)
{
    const uint64x2_t step = apart(7);

    for (uint32_t n = 0; n < points; n += 8u * q) {
        const slimse_complex_t *v = w;
        slimse_complex_t *p = packed + n;
        for (uint32_t k = 0; k < q; k += 2, p += 2, v += 14) {
            float32x4_t x[4], even[4], odd[4], y[8];
            for (uint32_t j = 0; j < 4; j++) {
                x[j] = slimse_vector_product(load(p + (2 * j + 1) * q),
                                             load_twiddles(v + 2 * j, step));
            }
            slimse_vector_butterfly4(x, odd);
            x[0] = load(p);
            for (uint32_t j = 1; j < 4; j++) {
                x[j] =
                    slimse_vector_product(load(p + 2 * j * q), load_twiddles(v + 2 * j - 1, step));
            }
            slimse_vector_butterfly4(x, even);
            slimse_vector_join8(even, odd, y);
            for (uint32_t j = 0; j < 8; j++) {
                store(p + j * q, y[j]);
            }
        }
    }
}

void slimse_stft_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w)
{
    const uint64x2_t step = apart(3);

    for (uint32_t n = 0; n < points; n += 4u * q) {
        const slimse_complex_t *v = w;
        slimse_complex_t *p = packed + n;
        for (uint32_t k = 0; k < q; k += 2, p += 2, v += 6) {
            float32x4_t x[4], y[4];
            x[0] = load(p);
            for (uint32_t j = 1; j < 4; j++) {
                x[j] = slimse_vector_product(load(p + j * q), load_twiddles(v + j - 1, step));
            }
            slimse_vector_butterfly4(x, y);
            for (uint32_t j = 0; j < 4; j++) {
                store(p + j * q, y[j]);
            }
        }
    }
}

void slimse_stft_inverse_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w)
{
    const uint64x2_t step = apart(7);

    for (uint32_t n = 0; n < points; n += 8u * q) {
        const slimse_complex_t *v = w;
        slimse_complex_t *p = packed + n;
        for (uint32_t k = 0; k < q; k += 2, p += 2, v += 14) {
            float32x4_t sums[4], differences[4], even[4], odd[4];
            for (uint32_t j = 0; j < 4; j++) {
                const float32x4_t a = load(p + j * q);
                const float32x4_t b = load(p + (j + 4) * q);
                sums[j] = vaddq_f32(a, b);
                differences[j] = vsubq_f32(a, b);
            }
            slimse_vector_butterfly4_inverse(sums, even);
            store(p, even[0]);
            for (uint32_t j = 1; j < 4; j++) {
                store(p + 2 * j * q,
                      slimse_vector_product_conjugate(even[j], load_twiddles(v + 2 * j - 1, step)));
            }
            slimse_vector_odd8_inverse(differences, odd);
            for (uint32_t j = 0; j < 4; j++) {
                store(p + (2 * j + 1) * q,
                      slimse_vector_product_conjugate(odd[j], load_twiddles(v + 2 * j, step)));
            }
        }
    }
}

void slimse_stft_inverse_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w)
{
    const uint64x2_t step = apart(3);

    for (uint32_t n = 0; n < points; n += 4u * q) {
        const slimse_complex_t *v = w;
        slimse_complex_t *p = packed + n;
        for (uint32_t k = 0; k < q; k += 2, p += 2, v += 6) {
            float32x4_t x[4], y[4];
            for (uint32_t j = 0; j < 4; j++) {
                y[j] = load(p + j * q);
            }
            slimse_vector_butterfly4_inverse(y, x);
            store(p, x[0]);
            for (uint32_t j = 1; j < 4; j++) {
                store(p + j * q,
                      slimse_vector_product_conjugate(x[j], load_twiddles(v + j - 1, step)));
            }
        }
    }
}

/* Nearest integers, a half goes up, saturated. */
static void store_samples(int16_t *pcm, float32x4_t values)
{
    const int32x4_t samples = vsubq_n_s32(vcvtq_s32_f32(vaddq_n_f32(values, 32768.5f)), 32768);

    vstrhq_s32(pcm, vreinterpretq_s32_s16(vqmovnbq_s32(vreinterpretq_s16_s32(samples), samples)));
}

void slimse_stft_last_pass_f32(const slimse_stft_f32_t *stft, const slimse_complex_t *packed,
                               float *overlap, int16_t *pcm)
{
    const uint32_t stride = stft->hop / 4u; /* samples */
    const uint32x4_t backwards = vddupq_n_u32(3, 1);
    const float *rising = stft->window;
    const float *falling = stft->window + stft->hop - 3;
    const uint8_t *places = stft->places;

    for (uint32_t n = 0; n < stride; n += 4, places += 2) {
        const uint64x2_t blocks = blocks_of(places);
        float32x4_t sums[4], differences[4], x[4];
        for (uint32_t k = 0; k < 4; k++) {
            const float32x4_t a = load_points(packed + k, blocks);
            const float32x4_t b = load_points(packed + k + 4, blocks);
            sums[k] = vaddq_f32(a, b);
            differences[k] = vsubq_f32(a, b);
        }
        slimse_vector_butterfly4_inverse(sums, x);
        for (uint32_t odd = 0; odd < 2; odd++) {
            if (odd) {
                slimse_vector_odd8_inverse(differences, x);
            }
            for (uint32_t j = 0; j < 2; j++) {
                const uint32_t at = n + (2 * j + odd) * stride;
                float *rest = overlap + at;
                store_samples(pcm + at, vaddq_f32(vmulq_f32(x[j], vldrwq_f32(rising + at)),
                                                  vldrwq_f32(rest)));
                vstrwq_f32(rest, vmulq_f32(x[j + 2], vldrwq_gather_shifted_offset_f32(falling - at,
                                                                                      backwards)));
            }
        }
    }
}
