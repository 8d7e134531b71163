/* The transform of hop points: radix 8 over windowed samples, then passes of radix 8 or 4. */
#include "slimse_stft_f32.h"

#include <string.h>

#include "slimse_stft_passes_f32.h"

void slimse_stft_analyse_f32(const slimse_stft_f32_t *stft, const int16_t *pcm, int16_t *history,
                             slimse_complex_t *packed)
{
    const slimse_complex_t *w = stft->twiddles;
    uint32_t q = 8;

    slimse_stft_first_pass_f32(stft, pcm, history, packed);
    memcpy(history, pcm, stft->hop * sizeof *pcm);
    for (uint32_t pass = 0; pass < stft->passes; pass++) {
        const uint32_t radix = stft->radices[pass];
        if (radix == 8) {
            slimse_stft_pass8_f32(packed, stft->hop, q, w);
        } else {
            slimse_stft_pass4_f32(packed, stft->hop, q, w);
        }
        w += (radix - 1u) * q;
        q *= radix;
    }
}

void slimse_stft_synthesise_f32(const slimse_stft_f32_t *stft, slimse_complex_t *packed,
                                float *overlap, int16_t *pcm)
{
    const slimse_complex_t *w = stft->twiddles;
    uint32_t q = 8;

    for (uint32_t pass = 0; pass < stft->passes; pass++) {
        w += (stft->radices[pass] - 1u) * q;
        q *= stft->radices[pass];
    }
    for (uint32_t pass = stft->passes; pass > 0; pass--) {
        const uint32_t radix = stft->radices[pass - 1u];
        q /= radix;
        w -= (radix - 1u) * q;
        if (radix == 8) {
            slimse_stft_inverse_pass8_f32(packed, stft->hop, q, w);
        } else {
            slimse_stft_inverse_pass4_f32(packed, stft->hop, q, w);
        }
    }
    slimse_stft_last_pass_f32(stft, packed, overlap, pcm);
}
