/**
 * What layers along frequency share that sum all channels: dense layers at several positions, convolutions.
 *
 * Some positions of the input are widened to lanes, those beside the input as zeros; then the outputs that read them are
 * computed, block by block of rows, each block at all of these positions.
 */
#ifndef SLIMSE_PLANES_ROWS_H
#define SLIMSE_PLANES_ROWS_H

#include "slimse.h"
#include "slimse_paired_rows.h"

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
    uint16_t chunk;           /**< positions whose inputs are widened at once */
    uint16_t runs;            /**< most runs of a position */
    uint32_t lane_words;      /**< of the positions that are widened at once */
    uint32_t window_taps;     /**< taps along frequency of all positions that fall into the input */
    const int8_t *weights;    /**< [rows][taps][kernel][columns] packed as paired_rows */
    const int32_t *constants; /**< [blocks of 4 rows][2][4] starts of sums, multipliers */
    int16_t input_offset;     /**< minus the input's zero point */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_planes_rows_t;

/** What a layer reads in this frame, and its working memory: lanes, runs, the outputs [chunk][4] of a last block. */
typedef struct {
    const int8_t *frames[SLIMSE_MAX_TAPS]; /**< by tap along time, oldest first */
    const slimse_spans_t *spans;           /**< open ranges of the channels; NULL: all are read */
    int32_t *lanes;                        /**< [taps] frames, or [positions] windows */
    uint32_t frame_bytes;                  /**< lanes from one tap along time to the next */
    slimse_paired_run_t *runs;
    int8_t *last;
} slimse_planes_work_t;

/** Outputs that read equal windows, each so many positions further. */
typedef struct {
    uint32_t offset;       /**< bytes of lanes before the first window */
    uint32_t pitch;        /**< bytes of lanes from one window to the next */
    uint32_t tap;          /**< the first tap along frequency, in the order of the weights */
    uint32_t taps;         /**< taps along frequency, 0 or more */
    uint32_t spacing;      /**< positions between two of them */
    uint32_t positions;    /**< outputs, 1 or more */
    int8_t *output;        /**< the first */
    uint32_t output_pitch; /**< elements from one to the next */
} slimse_planes_strip_t;

/**
 * Find the frames and divide the working memory, lane_words words first.
 *
 * @param input [inputs][columns] the current frame
 * @param ring [(taps - 1) * dilation][inputs][columns] the past frames; NULL with one tap
 */
void slimse_planes_rows_begin(const slimse_planes_rows_t *layer, const slimse_spans_t *spans, const int8_t *input,
                              const int8_t *ring, uint32_t next, int16_t *scratch, slimse_planes_work_t *work);

/** Widen count positions of all frames, from first on, which may be negative; columns fill whole quads. */
void slimse_planes_rows_frames(const slimse_planes_rows_t *layer, slimse_planes_work_t *work, int32_t first,
                               uint32_t count);

/** Widen the whole windows of positions one by one, each step further; columns do not fill quads. */
void slimse_planes_rows_windows(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work, int32_t first,
                                uint32_t step, uint32_t spacing, uint32_t positions);

/** All rows of a strip of positions. */
void slimse_planes_rows_strip(const slimse_planes_rows_t *layer, const slimse_planes_work_t *work,
                              const slimse_planes_strip_t *strip);

/** Bytes of the lanes of some columns, in whole quads. */
static inline uint32_t slimse_lane_bytes(uint32_t columns)
{
    return (columns + 3U) / 4U * 8U;
}

/** Multiply-accumulates of a frame; lanes that are zero beside the input do not count. */
static inline uint32_t slimse_planes_rows_macs(const slimse_planes_rows_t *layer, const slimse_spans_t *spans)
{
    return layer->window_taps * layer->taps * layer->rows * (spans != NULL ? spans->channels : layer->columns);
}

#endif
