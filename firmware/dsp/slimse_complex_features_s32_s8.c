#include "slimse_features_s32_s8.h"

static int8_t saturated(int32_t value)
{
    value = value < -128 ? -128 : value;
    return (int8_t)(value > 127 ? 127 : value);
}

/* A component of a bin is multiplied with |X|^(exponent - 1), which is a power of the power. */
static void compress(const slimse_complex_features_s32_s8_t *compression, int32_t re, int32_t im,
                     int8_t *feature)
{
    const slimse_complex_s32_t bin = {re, im};
    const slimse_complex_s32_t steps =
        slimse_compressed(&compression->power, compression->floor, bin);

    feature[0] = saturated(steps.re + compression->zero_point);
    feature[1] = saturated(steps.im + compression->zero_point);
}

void slimse_complex_features_s32_s8(const slimse_complex_features_s32_s8_t *compression,
                                    slimse_complex_s32_t *packed, int8_t *features)
{
    const uint32_t hop = compression->spectrum.hop;
    const slimse_turn_t *turns = compression->spectrum.turns;
    slimse_complex_s32_t *low = packed + 1;
    slimse_complex_s32_t *high = packed + hop - 1;

    packed[0] = slimse_split_ends_s32(packed[0]);
    compress(compression, packed[0].re, 0, features);
    compress(compression, packed[0].im, 0, features + 2 * hop);
    for (uint32_t k = 1; k <= hop / 2; k++, low++, high--) {
        const slimse_bins_s32_t bins = slimse_split_s32(*low, *high, turns[k - 1]);
        *low = bins.low;
        *high = bins.high;
        compress(compression, bins.low.re, bins.low.im, features + 2 * k);
        compress(compression, bins.high.re, bins.high.im, features + 2 * (hop - k));
    }
}
