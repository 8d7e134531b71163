/* Audio front and back end: int16 samples to int8 features, int8 mask to int16 samples.
 *
 * Only IEEE single additions, subtractions, multiplications and conversions, each rounded once and in
 * the order written, so that every core with an FPU, every core with software float and the NumPy
 * specification (slimse_mcu/frontend.py) give the same bits.  Compile with -ffp-contract=off.
 *
 * Samples stay in int16 units throughout.  Factors that are powers of two (1 / 32768, the halvings of
 * the real FFT, the 1 / N of its inverse) are exact in float; they are folded into the tables.
 */
#ifndef SLIMSE_DSP_H
#define SLIMSE_DSP_H

#include <stdint.h>

/* The constant part of a short-time Fourier transform, from slimse_mcu/frontend.py. */
typedef struct {
    uint16_t hop;  /* samples per frame, a power of two, 32 to 1024; fft = 2 * hop, bins = hop + 1 */
    int16_t mask_zero_point;  /* mask value that means gain 0 */
    float mask_gain;          /* gain per step of the mask, times 1 / (4 * hop) */
    const float *window;      /* [hop + 1], rising half of the square-root Hann window, 0 to 1 */
    const uint16_t *reversed; /* [hop], n with its log2(hop) bits in reverse order */
    const float *twiddles;    /* radix-4 passes after the first: [pass][k][j = 1, 2, 3][re, im] */
    const float *split;       /* [hop / 2 - 1][re, im], exp(-2 pi i k / fft) for k = 1 .. */
    const float *thresholds;  /* [255], ascending, >= 0; feature = -128 + how many are <= power */
} slimse_stft_t;

/* In-place forward complex FFT of stft->hop points.
 *
 * data: [hop][re, im]; in: bit-reversed order, out: natural order, not scaled. */
void slimse_fft_f32(const slimse_stft_t *stft, float *data);

/* One hop of audio in, one frame of features out.
 *
 * pcm:      [hop] samples
 * history:  [hop] state, the samples of the previous call; all 0 at reset
 * spectrum: [hop][re, im] out: 2 * STFT of the window over history and pcm; [0] holds the real bins
 *           0 and hop as (re, im)
 * features: [hop + 1] out: compressed magnitude as int8 */
void slimse_stft_analyse(const slimse_stft_t *stft, const int16_t *pcm, int16_t *history,
                         float *spectrum, int8_t *features);

/* One frame of mask in, one hop of audio out, one hop later than the input.
 *
 * mask:     [hop + 1] gain per bin as int8
 * spectrum: [hop][re, im] of slimse_stft_analyse; used up
 * overlap:  [hop] state, the second half of the previous frame; all 0.0f at reset
 * pcm:      [hop] out: samples, rounded to nearest and saturated */
void slimse_stft_synthesise(const slimse_stft_t *stft, const int8_t *mask, float *spectrum,
                            float *overlap, int16_t *pcm);

#endif
