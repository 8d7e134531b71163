/* Audio front and back end: int16 samples to int8 or int16 features, int8 or int16 mask to int16 samples.
 *
 * Only IEEE single additions, subtractions, multiplications and conversions, each rounded once and in
 * the order written, so that every core with an FPU, every core with software float and the NumPy
 * specification (slimse_mcu/frontend.py, slimse_mcu/spectral.py) give the same bits.  Compile with
 * -ffp-contract=off.
 *
 * Samples stay in int16 units throughout.  Factors that are powers of two (1 / 32768, the halvings of
 * the real FFT, the 1 / N of its inverse) are exact in float; they are folded into the tables.
 *
 * A spectrum is [hop][re, im]: 2 * STFT in int16 units; [0] holds the real bins 0 and hop as (re, im).
 */
#ifndef SLIMSE_DSP_H
#define SLIMSE_DSP_H

#include <stdint.h>

/* ---- transform ------------------------------------------------------------------------------- */

/* The constant part of a short-time Fourier transform. */
typedef struct {
    uint16_t hop; /* samples per frame, a power of two, 32 to 1024; fft = 2 * hop, bins = hop + 1 */
    const float *window;      /* [hop + 1], rising half of the square-root Hann window, 0 to 1 */
    const uint16_t *reversed; /* [hop], n with its log2(hop) bits in reverse order */
    const float *twiddles;    /* radix-4 passes after the first: [pass][k][j = 1, 2, 3][re, im] */
    const float *split;       /* [hop / 2 - 1][re, im], exp(-2 pi i k / fft) for k = 1 .. */
} slimse_stft_t;

/* In-place forward complex FFT of stft->hop points.
 *
 * data: [hop][re, im]; in: bit-reversed order, out: natural order, not scaled. */
void slimse_fft_f32(const slimse_stft_t *stft, float *data);

/* One hop of audio in, one spectrum out.
 *
 * pcm:      [hop] samples
 * history:  [hop] state, the samples of the previous call; all 0 at reset
 * spectrum: [hop][re, im] out: of the window over history and pcm */
void slimse_stft_analyse(const slimse_stft_t *stft, const int16_t *pcm, int16_t *history,
                         float *spectrum);

/* One masked spectrum in, one hop of audio out, one hop later than the input.
 *
 * spectrum: [hop][re, im], times the mask and 1 / (4 * hop); used up
 * overlap:  [hop] state, the second half of the previous frame; all 0.0f at reset
 * pcm:      [hop] out: samples, rounded to nearest and saturated */
void slimse_stft_synthesise(const slimse_stft_t *stft, float *spectrum, float *overlap,
                            int16_t *pcm);

/* ---- features -------------------------------------------------------------------------------- */

/* Compressed magnitude. */
typedef struct {
    uint16_t hop;
    const float *thresholds; /* [255], ascending, >= 0; feature = -128 + how many are <= power */
} slimse_magnitude_features_t;

/* Compressed real and imaginary part. */
typedef struct {
    uint16_t hop;
    float floor;           /* added to each power, >= 0 */
    float offset;          /* zero point of the features + 128.5: 0.5 to 255.5 */
    const float *octaves;  /* [256], steps per unit by the power's biased exponent; [0] is 0 */
    const float *segments; /* [32][value, slope per 2^-18], lines through the rest of the power */
} slimse_complex_features_t;

/* A power of a float that is not negative. */
typedef struct {
    const float *octaves; /* [256], by the biased exponent: the result where the fraction is 1; [0] is 0 */
    const float *lines;   /* [128][value, slope per 2^-16], through the same power of the fraction */
} slimse_power_t;

/* Compressed magnitude in int16. */
typedef struct {
    uint16_t hop;
    float floor;             /* added to each magnitude, >= 0 */
    slimse_power_t root;     /* magnitude from 4 * power */
    slimse_power_t exponent; /* steps of the feature from a magnitude */
} slimse_magnitude_features_s16_t;

/* Compressed real and imaginary part in int16. */
typedef struct {
    uint16_t hop;
    float floor;             /* added to each power, >= 0 */
    slimse_power_t exponent; /* steps per unit from 4 * power */
} slimse_complex_features_s16_t;

/* spectrum [hop][re, im] -> features [hop + 1] */
void slimse_magnitude_features_s8(const slimse_magnitude_features_t *compression,
                                  const float *spectrum, int8_t *features);

/* spectrum [hop][re, im] -> features [hop + 1][re, im] */
void slimse_complex_features_s8(const slimse_complex_features_t *compression, const float *spectrum,
                                int8_t *features);

/* The same in int16, with zero point 0. */
void slimse_magnitude_features_s16(const slimse_magnitude_features_s16_t *compression,
                                   const float *spectrum, int16_t *features);
void slimse_complex_features_s16(const slimse_complex_features_s16_t *compression,
                                 const float *spectrum, int16_t *features);

/* ---- mask ------------------------------------------------------------------------------------ */

/* Gains as int8, or as int16 with zero point 0. */
typedef struct {
    uint16_t hop;
    int16_t zero_point; /* mask value that means gain 0 */
    float gain;         /* gain per step of the mask, times 1 / (4 * hop) */
} slimse_mask_t;

/* mask [hop + 1], one gain per bin; spectrum [hop][re, im] is multiplied with it. */
void slimse_magnitude_mask_s8(const slimse_mask_t *scale, const int8_t *mask, float *spectrum);

/* mask [hop + 1][re, im], one complex gain per bin; of bins 0 and hop, which are real, the real part
 * counts; spectrum [hop][re, im] is multiplied with it. */
void slimse_complex_mask_s8(const slimse_mask_t *scale, const int8_t *mask, float *spectrum);

/* The same in int16. */
void slimse_magnitude_mask_s16(const slimse_mask_t *scale, const int16_t *mask, float *spectrum);
void slimse_complex_mask_s16(const slimse_mask_t *scale, const int16_t *mask, float *spectrum);

#endif
