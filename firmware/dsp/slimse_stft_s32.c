/* The transform of hop points: radix 4 over windowed samples, then passes of radix 2 or 4 in place.
 *
 * Decimation in time forward, in frequency back: both begin or end at samples in order, so that the
 * order of digits is turned on the way between samples and the first or last pass, by `places`. */
#include "slimse_stft_s32.h"

#include <string.h>

#include "slimse_saturate.h"

/* Pairs of samples, (even, odd) as (re, im), times the window, in steps of 2^-9; four at a time. */
static void first_pass(const slimse_stft_s32_t *stft, const int16_t *pcm, const int16_t *history,
                       slimse_complex_s32_t *packed)
{
    const uint32_t stride = stft->hop / 2u; /* samples */
    const int16_t *rising = stft->window;
    const int16_t *falling = stft->window + stft->hop;

    for (uint32_t n = 0; n < stride; n += 2, pcm += 2, history += 2, rising += 2, falling -= 2) {
        slimse_complex_s32_t x[4];
        for (uint32_t j = 0; j < 2; j++) {
            const int16_t *first = history + j * stride;
            const int16_t *second = pcm + j * stride;
            const int16_t *up = rising + j * stride;
            const int16_t *down = falling - j * stride;
            x[j].re = (first[0] * up[0]) >> 6;
            x[j].im = (first[1] * up[1]) >> 6;
            x[j + 2].re = (second[0] * down[0]) >> 6;
            x[j + 2].im = (second[1] * down[-1]) >> 6;
        }
        slimse_butterfly4_s32(x, packed + 4u * stft->places[n / 2u]);
    }
}

/* Four points, q apart, of four transforms: joined and halved; w: [3]. */
static void join4(slimse_complex_s32_t *p, uint32_t q, const slimse_turn_t *w)
{
    slimse_complex_s32_t x[4], y[4];

    x[0] = slimse_half(p[0]);
    for (uint32_t j = 1; j < 4; j++) {
        x[j] = slimse_half_product_s32(p[j * q], w[j - 1u]);
    }
    slimse_butterfly4_s32(x, y);
    for (uint32_t j = 0; j < 4; j++) {
        p[j * q] = y[j];
    }
}

/* The first points, which are not turned. */
static void join4_first(slimse_complex_s32_t *p, uint32_t q)
{
    slimse_complex_s32_t x[4], y[4];

    for (uint32_t j = 0; j < 4; j++) {
        x[j] = slimse_half(p[j * q]);
    }
    slimse_butterfly4_s32(x, y);
    for (uint32_t j = 0; j < 4; j++) {
        p[j * q] = y[j];
    }
}

/* Join transforms of q points, four at a time. */
static void pass4(slimse_complex_s32_t *packed, uint32_t points, uint32_t q, const slimse_turn_t *w)
{
    for (uint32_t n = 0; n < points; n += 4u * q) {
        join4_first(packed + n, q);
        for (uint32_t k = 1; k < q; k++) {
            join4(packed + n + k, q, w + 3u * k);
        }
    }
}

/* The same, two at a time. */
static void pass2(slimse_complex_s32_t *packed, uint32_t points, uint32_t q, const slimse_turn_t *w)
{
    for (uint32_t n = 0; n < points; n += 2u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_s32_t *p = packed + n + k;
            const slimse_complex_s32_t x0 = slimse_half(p[0]);
            const slimse_complex_s32_t x1 =
                k == 0 ? slimse_half(p[q]) : slimse_half_product_s32(p[q], w[k]);
            p[0] = slimse_sum_s32(x0, x1);
            p[q] = slimse_difference_s32(x0, x1);
        }
    }
}

/* The reverse of join4, halved as well. */
static void part4(slimse_complex_s32_t *p, uint32_t q, const slimse_turn_t *w)
{
    slimse_complex_s32_t x[4], y[4];

    for (uint32_t j = 0; j < 4; j++) {
        y[j] = p[j * q];
    }
    slimse_butterfly4_inverse_s32(y, x);
    p[0] = slimse_half(x[0]);
    for (uint32_t j = 1; j < 4; j++) {
        p[j * q] = slimse_half_product_conjugate_s32(x[j], w[j - 1u]);
    }
}

static void part4_first(slimse_complex_s32_t *p, uint32_t q)
{
    slimse_complex_s32_t x[4], y[4];

    for (uint32_t j = 0; j < 4; j++) {
        y[j] = p[j * q];
    }
    slimse_butterfly4_inverse_s32(y, x);
    for (uint32_t j = 0; j < 4; j++) {
        p[j * q] = slimse_half(x[j]);
    }
}

/* Transforms of 4 q points to four of q. */
static void inverse_pass4(slimse_complex_s32_t *packed, uint32_t points, uint32_t q,
                          const slimse_turn_t *w)
{
    for (uint32_t n = 0; n < points; n += 4u * q) {
        part4_first(packed + n, q);
        for (uint32_t k = 1; k < q; k++) {
            part4(packed + n + k, q, w + 3u * k);
        }
    }
}

/* Transforms of 2 q points to two of q. */
static void inverse_pass2(slimse_complex_s32_t *packed, uint32_t points, uint32_t q,
                          const slimse_turn_t *w)
{
    for (uint32_t n = 0; n < points; n += 2u * q) {
        for (uint32_t k = 0; k < q; k++) {
            slimse_complex_s32_t *p = packed + n + k;
            const slimse_complex_s32_t sum = slimse_sum_s32(p[0], p[q]);
            const slimse_complex_s32_t rest = slimse_difference_s32(p[0], p[q]);
            p[0] = slimse_half(sum);
            p[q] = k == 0 ? slimse_half(rest) : slimse_half_product_conjugate_s32(rest, w[k]);
        }
    }
}

/* Four pairs of samples at a time: the first half of the frame is added to the last frame's second.
 */
static void last_pass(const slimse_stft_s32_t *stft, const slimse_complex_s32_t *packed,
                      int32_t *overlap, int16_t *pcm)
{
    const uint32_t stride = stft->hop / 2u; /* samples */
    const uint32_t fraction = stft->fraction;
    const int32_t half = (int32_t)(1u << (fraction - 1u));
    const int16_t *rising = stft->window;
    const int16_t *falling = stft->window + stft->hop;

    for (uint32_t n = 0; n < stride; n += 2, pcm += 2, overlap += 2, rising += 2, falling -= 2) {
        slimse_complex_s32_t x[4];
        slimse_butterfly4_inverse_s32(packed + 4u * stft->places[n / 2u], x);
        for (uint32_t j = 0; j < 2; j++) {
            const int16_t *up = rising + j * stride;
            const int16_t *down = falling - j * stride;
            int32_t *rest = overlap + j * stride;
            int16_t *out = pcm + j * stride;
            out[0] = slimse_saturate_s16((slimse_half_product(x[j].re, up[0]) + rest[0] + half) >>
                                         fraction);
            out[1] = slimse_saturate_s16((slimse_half_product(x[j].im, up[1]) + rest[1] + half) >>
                                         fraction);
            rest[0] = slimse_half_product(x[j + 2].re, down[0]);
            rest[1] = slimse_half_product(x[j + 2].im, down[-1]);
        }
    }
}

void slimse_stft_analyse_s32(const slimse_stft_s32_t *stft, const int16_t *pcm, int16_t *history,
                             slimse_complex_s32_t *packed)
{
    const slimse_turn_t *w = stft->twiddles;
    uint32_t q = 4;

    first_pass(stft, pcm, history, packed);
    memcpy(history, pcm, stft->hop * sizeof *pcm);
    for (uint32_t pass = 0; pass < stft->passes; pass++) {
        const uint32_t radix = stft->radices[pass];
        if (radix == 4) {
            pass4(packed, stft->hop, q, w);
        } else {
            pass2(packed, stft->hop, q, w);
        }
        w += (radix - 1u) * q;
        q *= radix;
    }
}

void slimse_stft_synthesise_s32(const slimse_stft_s32_t *stft, slimse_complex_s32_t *packed,
                                int32_t *overlap, int16_t *pcm)
{
    const slimse_turn_t *w = stft->twiddles;
    uint32_t q = 4;

    for (uint32_t pass = 0; pass < stft->passes; pass++) {
        w += (stft->radices[pass] - 1u) * q;
        q *= stft->radices[pass];
    }
    for (uint32_t pass = stft->passes; pass > 0; pass--) {
        const uint32_t radix = stft->radices[pass - 1u];
        q >>= radix / 2u; /* of 2 or 4 the number of bits */
        w -= (radix - 1u) * q;
        if (radix == 4) {
            inverse_pass4(packed, stft->hop, q, w);
        } else {
            inverse_pass2(packed, stft->hop, q, w);
        }
    }
    last_pass(stft, packed, overlap, pcm);
}
