#include "slimse_stft_passes_f32.h"

#include "slimse_saturate.h"

void slimse_stft_first_pass_f32(const slimse_stft_f32_t *stft, const int16_t *pcm,
                                const int16_t *history, slimse_complex_t *packed)
{
    const uint32_t stride = stft->hop / 4u; /* samples */
    const float *rising = stft->window;
    const float *falling = stft->window + stft->hop;

    for (uint32_t n = 0; n < stride; n += 2, pcm += 2, history += 2, rising += 2, falling -= 2) {
        slimse_complex_t x[8];
        for (uint32_t j = 0; j < 4; j++) {
            const int16_t *first = history + j * stride;
            const int16_t *second = pcm + j * stride;
            const float *up = rising + j * stride;
            const float *down = falling - j * stride;
            x[j].re = (float)first[0] * up[0];
            x[j].im = (float)first[1] * up[1];
            x[j + 4].re = (float)second[0] * down[0];
            x[j + 4].im = (float)second[1] * down[-1];
        }
        slimse_butterfly8(x, packed + 8u * stft->places[n / 2u]);
    }
}

void slimse_stft_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w)
{
    for (uint32_t n = 0; n < points; n += 8u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_t *p = packed + n + k;
            slimse_complex_t x[8], y[8];
            x[0] = p[0];
            for (uint32_t j = 1; j < 8; j++) {
                x[j] = slimse_product(p[j * q], w[7u * k + j - 1u]);
            }
            slimse_butterfly8(x, y);
            for (uint32_t j = 0; j < 8; j++) {
                p[j * q] = y[j];
            }
        }
    }
}

void slimse_stft_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w)
{
    for (uint32_t n = 0; n < points; n += 4u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_t *p = packed + n + k;
            slimse_complex_t x[4], y[4];
            x[0] = p[0];
            for (uint32_t j = 1; j < 4; j++) {
                x[j] = slimse_product(p[j * q], w[3u * k + j - 1u]);
            }
            slimse_butterfly4(x, y);
            for (uint32_t j = 0; j < 4; j++) {
                p[j * q] = y[j];
            }
        }
    }
}

void slimse_stft_inverse_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w)
{
    for (uint32_t n = 0; n < points; n += 8u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_t *p = packed + n + k;
            slimse_complex_t x[8], y[8];
            for (uint32_t j = 0; j < 8; j++) {
                y[j] = p[j * q];
            }
            slimse_butterfly8_inverse(y, x);
            p[0] = x[0];
            for (uint32_t j = 1; j < 8; j++) {
                p[j * q] = slimse_product_conjugate(x[j], w[7u * k + j - 1u]);
            }
        }
    }
}

void slimse_stft_inverse_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w)
{
    for (uint32_t n = 0; n < points; n += 4u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_t *p = packed + n + k;
            slimse_complex_t x[4], y[4];
            for (uint32_t j = 0; j < 4; j++) {
                y[j] = p[j * q];
            }
            slimse_butterfly4_inverse(y, x);
            p[0] = x[0];
            for (uint32_t j = 1; j < 4; j++) {
                p[j * q] = slimse_product_conjugate(x[j], w[3u * k + j - 1u]);
            }
        }
    }
}

/* Nearest integer, a half goes up; the sum's own rounding moves that half by at most 1 / 512. */
static int16_t to_sample(float value)
{
    return slimse_saturate_s16((int32_t)(value + 32768.5f) - 32768);
}

void slimse_stft_last_pass_f32(const slimse_stft_f32_t *stft, const slimse_complex_t *packed,
                               float *overlap, int16_t *pcm)
{
    const uint32_t stride = stft->hop / 4u; /* samples */
    const float *rising = stft->window;
    const float *falling = stft->window + stft->hop;

    for (uint32_t n = 0; n < stride; n += 2, pcm += 2, overlap += 2, rising += 2, falling -= 2) {
        slimse_complex_t x[8];
        slimse_butterfly8_inverse(packed + 8u * stft->places[n / 2u], x);
        for (uint32_t j = 0; j < 4; j++) {
            const float *up = rising + j * stride;
            const float *down = falling - j * stride;
            float *rest = overlap + j * stride;
            int16_t *out = pcm + j * stride;
            out[0] = to_sample(x[j].re * up[0] + rest[0]);
            out[1] = to_sample(x[j].im * up[1] + rest[1]);
            rest[0] = x[j + 4].re * down[0];
            rest[1] = x[j + 4].im * down[-1];
        }
    }
}
