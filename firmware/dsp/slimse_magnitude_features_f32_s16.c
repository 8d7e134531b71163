#include "slimse_features_f32_s16.h"

static int16_t compress(const slimse_magnitude_features_f32_s16_t *compression, float re, float im)
{
    const float magnitude =
        slimse_raise_f32(&compression->root, re * re + im * im) + compression->floor;

    return slimse_to_step(slimse_raise_f32(&compression->exponent, magnitude));
}

void slimse_magnitude_features_f32_s16(const slimse_magnitude_features_f32_s16_t *compression,
                                       slimse_complex_t *packed, int16_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_complex_t *turns = compression->spectrum.turns;
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends(packed[0]);
    features[0] = compress(compression, packed[0].re, 0.0f);
    features[hop] = compress(compression, packed[0].im, 0.0f);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t bins = slimse_split(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        features[k] = compress(compression, bins.low.re, bins.low.im);
        features[hop - k] = compress(compression, bins.high.re, bins.high.im);
    }
}
