/* The passes of the transform of hop points.
 *
 * Decimation in time forward, in frequency back: both begin or end at samples in order, so that the
 * order of digits is turned on the way between samples and the first or last pass, by `places`. */
#ifndef SLIMSE_STFT_PASSES_F32_H
#define SLIMSE_STFT_PASSES_F32_H

#include "slimse_stft_f32.h"

/* Pairs of samples, (even, odd) as (re, im), times the window; eight at a time, hop / 8 pairs
 * apart. */
void slimse_stft_first_pass_f32(const slimse_stft_f32_t *stft, const int16_t *pcm,
                                const int16_t *history, slimse_complex_t *packed);

/* Join transforms of q points, eight at a time. */
void slimse_stft_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w);

/* The same, four at a time. */
void slimse_stft_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                           const slimse_complex_t *w);

/* Transforms of 8 q points to eight of q. */
void slimse_stft_inverse_pass8_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w);

/* Transforms of 4 q points to four of q. */
void slimse_stft_inverse_pass4_f32(slimse_complex_t *packed, uint32_t points, uint32_t q,
                                   const slimse_complex_t *w);

/* Eight pairs of samples at a time: the first half of the frame is added to the last frame's
 * second. */
void slimse_stft_last_pass_f32(const slimse_stft_f32_t *stft, const slimse_complex_t *packed,
                               float *overlap, int16_t *pcm);

#endif
