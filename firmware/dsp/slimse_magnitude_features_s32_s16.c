#include "slimse_features_s32_s16.h"

#include "slimse_saturate.h"

static int16_t compress(const slimse_magnitude_features_s32_s16_t *compression, int32_t re,
                        int32_t im)
{
    const uint64_t square = (uint64_t)((int64_t)re * re + (int64_t)im * im);
    const slimse_octave_t root = slimse_raise(&compression->root, slimse_number_of_64(square));
    const uint64_t magnitude =
        ((uint64_t)(uint32_t)root.mantissa << (uint32_t)root.exponent) + compression->floor;
    const slimse_octave_t steps =
        slimse_raise(&compression->exponent, slimse_number_of_64(magnitude));

    return slimse_saturate_s16(slimse_shift_rounded(steps.mantissa, 28 - steps.exponent));
}

void slimse_magnitude_features_s32_s16(const slimse_magnitude_features_s32_s16_t *compression,
                                       slimse_complex_s32_t *packed, int16_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_turn_t *turns = compression->spectrum.turns;
    slimse_complex_s32_t *low = packed + 1;
    slimse_complex_s32_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends_s32(packed[0]);
    features[0] = compress(compression, packed[0].re, 0);
    features[hop] = compress(compression, packed[0].im, 0);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_s32_t bins = slimse_split_s32(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        features[k] = compress(compression, bins.low.re, bins.low.im);
        features[hop - k] = compress(compression, bins.high.re, bins.high.im);
    }
}
