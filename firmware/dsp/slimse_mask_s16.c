/* Spectrum times int16 mask, of real or of complex gains. */
#include "slimse_dsp.h"

static float gain_of(const slimse_mask_t *scale, int16_t value)
{
    return (float)value * scale->gain;
}

void slimse_magnitude_mask_s16(const slimse_mask_t *scale, const int16_t *mask, float *spectrum)
{
    const uint32_t hop = scale->hop;

    spectrum[0] *= gain_of(scale, mask[0]);
    spectrum[1] *= gain_of(scale, mask[hop]);
    for (uint32_t k = 1; k < hop; k++) {
        const float gain = gain_of(scale, mask[k]);
        spectrum[2 * k] *= gain;
        spectrum[2 * k + 1] *= gain;
    }
}

void slimse_complex_mask_s16(const slimse_mask_t *scale, const int16_t *mask, float *spectrum)
{
    const uint32_t hop = scale->hop;

    spectrum[0] *= gain_of(scale, mask[0]);
    spectrum[1] *= gain_of(scale, mask[2 * hop]);
    for (uint32_t k = 1; k < hop; k++) {
        const float re = spectrum[2 * k];
        const float im = spectrum[2 * k + 1];
        const float gain_re = gain_of(scale, mask[2 * k]);
        const float gain_im = gain_of(scale, mask[2 * k + 1]);
        spectrum[2 * k] = re * gain_re - im * gain_im;
        spectrum[2 * k + 1] = re * gain_im + im * gain_re;
    }
}
