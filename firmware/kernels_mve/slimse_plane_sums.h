/** What convolutions over time and frequency share that sum all channels. */
#ifndef SLIMSE_PLANE_SUMS_H
#define SLIMSE_PLANE_SUMS_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Sizes of a convolution over time and frequency, or of the part of one that a component opens. */
typedef struct {
    uint16_t rows;         /**< outputs computed per position */
    uint16_t columns;      /**< inputs per position */
    uint16_t inputs;       /**< positions of the input along frequency */
    uint16_t positions;    /**< positions of the output along frequency */
    uint16_t output_pitch; /**< elements from one position of the output to the next */
    uint8_t taps;          /**< taps along time, 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;     /**< frames between taps along time */
    uint16_t kernel;       /**< taps along frequency */
    uint16_t patch_bytes;  /**< room for inputs that are laid side by side, those of one output at least */
    int16_t input_offset;  /**< minus the input's zero point */
} slimse_plane_sizes_t;

/** Outputs that have the same weights, at positions with equal steps between them. */
typedef struct {
    const int8_t *weights;         /**< [(rows + 3) / 4][taps][kernel][columns][4], oldest frame first */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    uint32_t kernel;               /**< taps along frequency, 1 or more */
    uint32_t spacing;              /**< positions between two of them */
    int32_t start;                 /**< position that the first output's first tap reads */
    uint32_t step;                 /**< positions from one output's start to the next's */
    uint32_t count;                /**< outputs */
    int8_t *output;                /**< the first one */
    uint32_t output_pitch;         /**< elements from one to the next */
} slimse_plane_outputs_t;

/**
 * Compute outputs.
 *
 * @param to Requantization of the layer's rows.
 * @param frames [taps] oldest first
 * @param spans Open ranges of the input's channels, not none; NULL: all are read.
 * @param patch [patch_bytes] working memory
 * @return taps that hit the input.
 */
uint32_t slimse_plane_outputs(const slimse_plane_sizes_t *sizes, const slimse_rescaling_t *to,
                              const slimse_plane_outputs_t *outputs, const int8_t *const *frames,
                              const slimse_spans_t *spans, int8_t *patch);

/** Spans as slimse_plane_outputs takes them: NULL where all channels are open, or none, which all columns serve too. */
static inline const slimse_spans_t *slimse_some_spans(const slimse_spans_t *spans, uint32_t channels)
{
    return spans == NULL || spans->channels == 0U || spans->channels == channels ? NULL : spans;
}

#endif
