/* Short-time Fourier transform with a square-root Hann window and half overlap, and its inverse. */
#include "slimse_dsp.h"

#include <float.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "slimse needs float arithmetic in single precision (on 32-bit x86: -msse2 -mfpmath=sse)."
#endif

/* Windowed samples as hop complex points (even sample, odd sample) in bit-reversed order. */
static void load_window(const slimse_stft_t *stft, const int16_t *pcm, const int16_t *history,
                        float *spectrum)
{
    const uint32_t hop = stft->hop;
    const float *window = stft->window;
    const uint16_t *place = stft->reversed;

    for (uint32_t n = 0; n < hop; n += 2, place++) {
        float *z = spectrum + 2u * *place;
        z[0] = (float)history[n] * window[n];
        z[1] = (float)history[n + 1] * window[n + 1];
    }
    for (uint32_t n = 0; n < hop; n += 2, place++) {
        float *z = spectrum + 2u * *place;
        z[0] = (float)pcm[n] * window[hop - n];
        z[1] = (float)pcm[n + 1] * window[hop - n - 1];
    }
}

/* Transform of the complex points to twice the spectrum of the real samples. */
static void split_spectrum(const slimse_stft_t *stft, float *spectrum)
{
    const uint32_t hop = stft->hop;
    const float *w = stft->split;
    float *lo = spectrum + 2;
    float *hi = spectrum + 2 * (hop - 1);
    const float even = spectrum[0];
    const float odd = spectrum[1];

    spectrum[0] = 2.0f * (even + odd);
    spectrum[1] = 2.0f * (even - odd);
    for (; lo < hi; lo += 2, hi -= 2, w += 2) {
        const float a = lo[0] + hi[0];
        const float b = lo[1] - hi[1];
        const float c = lo[1] + hi[1];
        const float d = hi[0] - lo[0];
        const float re = c * w[0] - d * w[1];
        const float im = c * w[1] + d * w[0];
        lo[0] = a + re;
        lo[1] = b + im;
        hi[0] = a - re;
        hi[1] = im - b;
    }
    lo[0] = 2.0f * lo[0];
    lo[1] = -2.0f * lo[1];
}

/* The reverse of split_spectrum, times two, with real and imaginary parts exchanged: a forward
 * transform of exchanged parts is the inverse transform with its parts exchanged. */
static void join_spectrum(const slimse_stft_t *stft, float *spectrum)
{
    const uint32_t hop = stft->hop;
    const float *w = stft->split;
    float *lo = spectrum + 2;
    float *hi = spectrum + 2 * (hop - 1);
    const float first = spectrum[0];
    const float last = spectrum[1];

    spectrum[0] = first - last;
    spectrum[1] = first + last;
    for (; lo < hi; lo += 2, hi -= 2, w += 2) {
        const float a = lo[0] + hi[0];
        const float b = lo[1] - hi[1];
        const float c = lo[0] - hi[0];
        const float d = lo[1] + hi[1];
        const float re = c * w[0] + d * w[1];
        const float im = d * w[0] - c * w[1];
        lo[0] = b + re;
        lo[1] = a - im;
        hi[0] = re - b;
        hi[1] = a + im;
    }
    const float middle = lo[0];
    lo[0] = -2.0f * lo[1];
    lo[1] = 2.0f * middle;
}

static void reverse_order(const slimse_stft_t *stft, float *spectrum)
{
    for (uint32_t n = 0; n < stft->hop; n++) {
        const uint32_t m = stft->reversed[n];
        if (n < m) {
            const float re = spectrum[2 * n];
            const float im = spectrum[2 * n + 1];
            spectrum[2 * n] = spectrum[2 * m];
            spectrum[2 * n + 1] = spectrum[2 * m + 1];
            spectrum[2 * m] = re;
            spectrum[2 * m + 1] = im;
        }
    }
}

/* Nearest integer, a half goes up; the sum's own rounding moves that half by at most 1 / 512. */
static int16_t to_sample(float value)
{
    if (value > 32767.0f) {
        value = 32767.0f;
    }
    if (value < -32768.0f) {
        value = -32768.0f;
    }
    return (int16_t)((int32_t)(value + 32768.5f) - 32768);
}

void slimse_stft_analyse(const slimse_stft_t *stft, const int16_t *pcm, int16_t *history,
                         float *spectrum)
{
    load_window(stft, pcm, history, spectrum);
    memcpy(history, pcm, stft->hop * sizeof *pcm);
    slimse_fft_f32(stft, spectrum);
    split_spectrum(stft, spectrum);
}

void slimse_stft_synthesise(const slimse_stft_t *stft, float *spectrum, float *overlap,
                            int16_t *pcm)
{
    const uint32_t hop = stft->hop;
    const float *window = stft->window;

    join_spectrum(stft, spectrum);
    reverse_order(stft, spectrum);
    slimse_fft_f32(stft, spectrum);

    /* Samples come back in pairs with the parts exchanged: [odd, even]. */
    for (uint32_t n = 0; n < hop; n += 2) {
        const float *first = spectrum + n;
        const float *second = spectrum + hop + n;
        pcm[n] = to_sample(first[1] * window[n] + overlap[n]);
        pcm[n + 1] = to_sample(first[0] * window[n + 1] + overlap[n + 1]);
        overlap[n] = second[1] * window[hop - n];
        overlap[n + 1] = second[0] * window[hop - n - 1];
    }
}
