#include "slimse_features_f32_s16.h"

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power. */
static void compress(const slimse_complex_features_f32_s16_t *compression, float re, float im,
                     int16_t *feature)
{
    const float gain =
        slimse_raise_f32(&compression->exponent, re * re + im * im + compression->floor);

    feature[0] = slimse_to_step(re * gain);
    feature[1] = slimse_to_step(im * gain);
}

void slimse_complex_features_f32_s16(const slimse_complex_features_f32_s16_t *compression,
                                     slimse_complex_t *packed, int16_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_complex_t *turns = compression->spectrum.turns;
    slimse_complex_t *low = packed + 1;
    slimse_complex_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends(packed[0]);
    compress(compression, packed[0].re, 0.0f, features);
    compress(compression, packed[0].im, 0.0f, features + 2 * hop);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_t bins = slimse_split(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        compress(compression, bins.low.re, bins.low.im, features + 2 * k);
        compress(compression, bins.high.re, bins.high.im, features + 2 * (hop - k));
    }
}
