/** Which positions along frequency an output position reads; those beside the input are clipped once per position. */
#ifndef SLIMSE_WINDOW_H
#define SLIMSE_WINDOW_H

#include <stdint.h>

/** The taps of one output position that hit the input, in the order of the weights. */
typedef struct {
    uint32_t tap;      /**< the first of them */
    uint32_t count;    /**< how many; 0: all fall beside the input */
    uint32_t position; /**< input position that the first one reads */
} slimse_window_t;

/**
 * The taps of a run, of which tap i reads position start + spacing * i, that hit the input.
 *
 * @param start May be negative.
 * @param spacing Positions between two taps, 1 at least.
 * @param taps Length of the run.
 */
static inline slimse_window_t slimse_window_clip(int32_t start, uint32_t spacing, uint32_t taps, uint32_t inputs)
{
    const int32_t room = (int32_t)inputs - start;
    const uint32_t first = start < 0 ? ((uint32_t)-start + spacing - 1U) / spacing : 0U;
    const uint32_t fit = room > 0 ? ((uint32_t)room + spacing - 1U) / spacing : 0U;
    const uint32_t end = fit < taps ? fit : taps;
    slimse_window_t window = {0U, 0U, 0U};

    if (first < end) {
        window.tap = first;
        window.count = end - first;
        window.position = (uint32_t)(start + (int32_t)(first * spacing));
    }
    return window;
}

/** The window of an output position whose first tap reads position output * stride - left. */
static inline slimse_window_t slimse_window_at(uint32_t output, uint32_t stride, uint32_t left, uint32_t spacing,
                                               uint32_t taps, uint32_t inputs)
{
    return slimse_window_clip((int32_t)(output * stride) - (int32_t)left, spacing, taps, inputs);
}

/**
 * The window of an output position of a transposed convolution, which reads input i where i * stride = output + left
 * - tap; the taps of each rest by the stride lie together, by rising i, those of rest 0 first.
 */
static inline slimse_window_t slimse_window_transposed(uint32_t output, uint32_t stride, uint32_t left,
                                                       uint32_t kernel, uint32_t inputs)
{
    const uint32_t last = (output + left) / stride;
    const uint32_t rest = (output + left) % stride;
    const uint32_t each = kernel / stride;
    const uint32_t more = kernel % stride;
    const uint32_t taps = each + (rest < more ? 1U : 0U);
    slimse_window_t window = slimse_window_clip((int32_t)last + 1 - (int32_t)taps, 1U, taps, inputs);

    window.tap += rest * each + (rest < more ? rest : more);
    return window;
}

#endif
