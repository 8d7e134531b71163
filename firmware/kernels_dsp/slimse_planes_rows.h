/** What convolutions over time and frequency share that sum all channels: the inputs of a position, and its outputs. */
#ifndef SLIMSE_PLANES_ROWS_H
#define SLIMSE_PLANES_ROWS_H

#include "slimse.h"
#include "slimse_paired_rows.h"
#include "slimse_window.h"

/** Sizes and constants of a layer, or of the part of one that a component opens; see slimse_paired_rows.h. */
typedef struct {
    uint16_t rows;            /**< outputs computed per position */
    uint16_t columns;         /**< inputs per position */
    uint16_t inputs;          /**< positions of the input along frequency */
    uint16_t positions;       /**< positions of the output along frequency */
    uint16_t output_pitch;    /**< elements from one position of the output to the next */
    uint8_t taps;             /**< taps along time, 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;        /**< frames between taps along time */
    uint16_t kernel;          /**< taps along frequency */
    const int8_t *weights;    /**< [rows][taps][kernel * columns, in quads] packed as paired_rows */
    const int32_t *constants; /**< [blocks of 4 rows][2][4] starts of sums, multipliers */
    int16_t input_offset;     /**< minus the input's zero point */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_planes_rows_t;

/** What a convolution reads in this frame, and where it works. */
typedef struct {
    const int8_t *frames[SLIMSE_MAX_TAPS]; /**< by tap along time, oldest first */
    const slimse_spans_t *spans;           /**< open ranges of the channels; NULL: all are read */
    uint32_t spacing;                      /**< positions between two taps along frequency */
    int32_t *lanes;                        /**< room for the widened inputs of a position */
    slimse_paired_run_t *runs;             /**< room for the runs of a position */
} slimse_planes_work_t;

/**
 * Divide the working memory: room for [taps * ((kernel * columns + 3) / 4)][2] words of inputs, then runs.
 *
 * @param input [inputs][columns] the current frame
 * @param ring [(taps - 1) * dilation][inputs][columns] the past frames; NULL with one tap
 */
void slimse_planes_rows_begin(const slimse_planes_rows_t *layer, const slimse_spans_t *spans, uint32_t spacing,
                              const int8_t *input, const int8_t *ring, uint32_t next, int16_t *scratch,
                              slimse_planes_work_t *work);

/** All rows of one output position. */
void slimse_planes_rows_position(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                                 const slimse_window_t *window, int8_t *output);

/** Multiply-accumulates executed when the windows of all positions have `taps` taps in all. */
static inline uint32_t slimse_planes_rows_macs(const slimse_planes_rows_t *layer, const slimse_spans_t *spans,
                                               uint32_t taps)
{
    return taps * layer->taps * layer->rows * (spans != NULL ? spans->channels : layer->columns);
}

#endif
