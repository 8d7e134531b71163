/* Short-time Fourier transform with a square-root Hann window and half overlap, and its inverse, in
 * single precision.
 *
 * Only IEEE single additions, subtractions, multiplications and conversions, each rounded once and
 * in the order written, so that every core with an FPU, every core with software float and the
 * NumPy specification (slimse_mcu/dsp) give the same bits.  Compile with -ffp-contract=off.
 *
 * Samples stay in int16 units throughout.  Factors that are powers of two (1 / 32768, the halvings
 * of the real FFT, the 1 / N of its inverse) are exact in float; they are folded into the tables.
 *
 * Per frame:
 *
 *     slimse_stft_analyse_f32     samples   -> packed
 *     slimse_.._features_f32_..   packed    -> spectrum and features
 *     slimse_.._mask_.._f32       spectrum and mask -> packed
 *     slimse_stft_synthesise_f32  packed    -> samples
 *
 * packed [hop]: the transform of the samples in pairs, (even, odd) as (re, im); times 2 behind a
 * mask. spectrum [hop]: 2 * STFT in int16 units; [0] holds the real bins 0 and hop as (re, im).
 */
#ifndef SLIMSE_STFT_F32_H
#define SLIMSE_STFT_F32_H

#include "slimse_complex_f32.h"

/* The constant part of the transform. */
typedef struct {
    uint16_t hop; /* samples per frame, a power of two, 32 to 1024; fft = 2 * hop, bins = hop + 1 */
    uint8_t passes;      /* 1 to 3, after a first one of radix 8 */
    uint8_t radices[3];  /* 4 or 8; 8 * their product is hop */
    const float *window; /* [hop + 1], rising half of the square-root Hann window, 0 to 1 */
    const uint8_t *places; /* [hop / 8], place of the transform of every (hop / 8)th pair, in 8s */
    const slimse_complex_t *twiddles; /* per pass, of q points so far: [q][radix - 1], */
                                      /* exp(-2 pi i j k / (q radix)) for j = 1 .. */
} slimse_stft_f32_t;

/* One hop of audio in, one transform out.
 *
 * pcm:     [hop] samples
 * history: [hop] state, the samples of the previous call; all 0 at reset
 * packed:  [hop] out: of the window over history and pcm */
void slimse_stft_analyse_f32(const slimse_stft_f32_t *stft, const int16_t *pcm, int16_t *history,
                             slimse_complex_t *packed);

/* One transform in, one hop of audio out, one hop later than the input.
 *
 * packed:  [hop], times 1 / (4 * hop); used up
 * overlap: [hop] state, the second half of the previous frame; all 0.0f at reset
 * pcm:     [hop] out: samples, rounded to nearest and saturated; before that below 2^31 */
void slimse_stft_synthesise_f32(const slimse_stft_f32_t *stft, slimse_complex_t *packed,
                                float *overlap, int16_t *pcm);

#endif
