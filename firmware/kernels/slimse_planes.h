/** What convolutions over time and frequency share that sum all channels. */
#ifndef SLIMSE_PLANES_H
#define SLIMSE_PLANES_H

#include "slimse_dot.h"
#include "slimse_linear.h"
#include "slimse_ring.h"
#include "slimse_spans.h"
#include "slimse_window.h"

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
} slimse_planes_t;

/** The frames and the channels that a convolution reads. */
typedef struct {
    const int8_t *frames[SLIMSE_MAX_TAPS]; /**< by tap along time, oldest first */
    const slimse_spans_t *spans;           /**< open ranges of the channels; NULL: all are read */
    uint32_t spacing;                      /**< positions between two taps along frequency */
} slimse_planes_input_t;

/**
 * Add the taps of one frame to the sums of up to four rows; weights and input point to the first tap.
 *
 * Not inlined: on its own, its loop has all registers of a small core to itself.
 */
__attribute__((noinline)) static void
slimse_planes_frame(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const weights[SLIMSE_DOT_ROWS], uint32_t row_count,
                    uint32_t taps, uint32_t columns, const slimse_planes_input_t *from, const int8_t *input,
                    int32_t offset)
{
    slimse_spans_t whole;
    const slimse_spans_t *read;

    if (from->spans == NULL && from->spacing == 1U) {
        slimse_dot_rows_s8(sums, weights, row_count, input, offset, taps * columns);
        return;
    }
    read = slimse_spans_or_whole(from->spans, (uint16_t)columns, &whole);
    for (uint32_t tap = 0; tap < taps; tap++) {
        for (uint32_t range = 0; range < read->ranges; range++) {
            const uint32_t first = tap * columns + read->range[range].first;
            const int8_t *rows[SLIMSE_DOT_ROWS];

            for (uint32_t i = 0; i < row_count; i++) {
                rows[i] = &weights[i][first];
            }
            slimse_dot_rows_s8(sums, rows, row_count, &input[read->range[range].first], offset,
                               read->range[range].count);
        }
        input += from->spacing * columns;
    }
}

/** All rows of one output position. */
static inline void slimse_planes_position(const slimse_planes_t *planes, const slimse_linear_s8_t *linear,
                                          const slimse_planes_input_t *input, const slimse_window_t *window,
                                          int8_t *output)
{
    const uint32_t frame_size = (uint32_t)planes->kernel * planes->columns;
    const uint32_t row_size = planes->taps * frame_size;
    const uint32_t first_weight = window->tap * planes->columns;
    const uint32_t first_input = window->position * planes->columns;

    for (uint32_t row = 0; row < planes->rows; row += SLIMSE_DOT_ROWS) {
        const uint32_t left = planes->rows - row;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        const int8_t *weights[SLIMSE_DOT_ROWS];
        int32_t sums[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            sums[i] = linear->bias[row + i];
            weights[i] = &linear->weights[(row + i) * row_size + first_weight];
        }
        for (uint32_t tap = 0; tap < planes->taps; tap++) {
            slimse_planes_frame(sums, weights, count, window->count, planes->columns, input,
                                &input->frames[tap][first_input], linear->input_offset);
            for (uint32_t i = 0; i < count; i++) {
                weights[i] += frame_size;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            output[row + i] = slimse_linear_output(linear, row + i, sums[i]);
        }
    }
}

/** Multiply-accumulates executed when the windows of all positions have `taps` taps in all. */
static inline uint32_t slimse_planes_macs(const slimse_planes_t *planes, const slimse_spans_t *spans, uint32_t taps)
{
    return taps * planes->taps * planes->rows * (spans != NULL ? spans->channels : planes->columns);
}

#endif
