/* Short-time Fourier transform with a square-root Hann window and half overlap, and its inverse, in
 * integers, for cores without an FPU.
 *
 * The NumPy specification (slimse_mcu/dsp) says every bit; this says what they mean.  Numbers are
 * int32 with binary fractions, factors int16 in steps of 2^-15.  A pass of radix 4 halves, which
 * keeps the sum of all squares as it is: no number can overflow, whatever the samples and gains
 * are, and there is no search for the greatest.  Noise is 90 dB or more below the signal, which is
 * what factors of 16 bits cost.
 *
 * Per frame:
 *
 *     slimse_stft_analyse_s32     samples   -> packed
 *     slimse_.._features_s32_..   packed    -> spectrum and features
 *     slimse_.._mask_.._s32       spectrum and mask -> packed
 *     slimse_stft_synthesise_s32  packed    -> samples
 *
 * packed [hop]: the transform of the samples in pairs, (even, odd) as (re, im).
 * spectrum [hop]: STFT in int16 units times 2^(10 - P), P passes in all; [0] holds the real bins 0
 * and hop as (re, im).
 */
#ifndef SLIMSE_STFT_S32_H
#define SLIMSE_STFT_S32_H

#include "slimse_complex_s32.h"

/* The constant part of the transform. */
typedef struct {
    uint16_t hop;          /* samples per frame, a power of two, 32 to 1024; fft = 2 * hop */
    uint8_t passes;        /* 2 to 4, after a first one of radix 4 */
    uint8_t radices[4];    /* 2 or 4; 4 * their product is hop */
    uint8_t fraction;      /* binary fraction of samples behind a mask, in bits, 1 to 9 */
    const int16_t *window; /* [hop + 1], rising half of the square-root Hann window, in 2^-15 */
    const uint8_t *places; /* [hop / 4], place of the transform of every (hop / 4)th pair, in 4s */
    const slimse_turn_t *twiddles; /* per pass, of q points so far: [q][radix - 1], */
                                   /* exp(-2 pi i j k / (q radix)) for j = 1 .. */
} slimse_stft_s32_t;

/* One hop of audio in, one transform out.
 *
 * pcm:     [hop] samples
 * history: [hop] state, the samples of the previous call; all 0 at reset
 * packed:  [hop] out: of the window over history and pcm */
void slimse_stft_analyse_s32(const slimse_stft_s32_t *stft, const int16_t *pcm, int16_t *history,
                             slimse_complex_s32_t *packed);

/* One transform in, one hop of audio out, one hop later than the input.
 *
 * packed:  [hop]; used up
 * overlap: [hop] state, the second half of the previous frame; all 0 at reset
 * pcm:     [hop] out: samples, rounded to nearest and saturated */
void slimse_stft_synthesise_s32(const slimse_stft_s32_t *stft, slimse_complex_s32_t *packed,
                                int32_t *overlap, int16_t *pcm);

#endif
