/** Depthwise convolution of three taps. */
#ifndef SLIMSE_THREE_TAPS_H
#define SLIMSE_THREE_TAPS_H

#include "slimse_requantize.h"

/**
 * Requantized products of three frames with their weights.
 *
 * @param frames [3][channels] oldest first
 * @param weights [3][channels], no -128 among them
 * @param pitch Elements from one tap's weights to the next's.
 * @param bias_and_shift [channels] for inputs without offset
 * @param channels A multiple of 8, 8 or more.
 * @param output [channels]
 */
void slimse_three_taps_s8(const slimse_rescaling_t *to, const int8_t *const *frames, const int8_t *weights,
                          uint32_t pitch, const int32_t *bias_and_shift, uint32_t channels, int8_t *output);

/**
 * slimse_three_taps_s8 of listed channels.
 *
 * @param open [count] the channels
 * @param count 1 or more.
 * @param output Where channel 0 goes.
 */
void slimse_three_taps_listed_s8(const slimse_rescaling_t *to, const int8_t *const *frames, const int8_t *weights,
                                 uint32_t pitch, const int32_t *bias_and_shift, const uint16_t *open, uint32_t count,
                                 int8_t *output);

#endif
