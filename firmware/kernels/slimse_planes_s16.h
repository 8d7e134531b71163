/** What convolutions over time and frequency of int16 share that sum all channels. */
#ifndef SLIMSE_PLANES_S16_H
#define SLIMSE_PLANES_S16_H

#include "slimse_planes.h"

/** The frames and the channels that a convolution reads. */
typedef struct {
    const int16_t *frames[SLIMSE_MAX_TAPS]; /**< by tap along time, oldest first */
    const slimse_spans_t *spans;            /**< open ranges of the channels; NULL: all are read */
    uint32_t spacing;                       /**< positions between two taps along frequency */
} slimse_planes_input_s16_t;

/** Add the taps of one frame to the sums of up to four rows; weights and input point to the first tap. */
static inline void slimse_planes_frame_s16(int64_t sums[SLIMSE_DOT_ROWS], const int8_t *const weights[SLIMSE_DOT_ROWS],
                                           uint32_t row_count, uint32_t taps, uint32_t columns,
                                           const slimse_planes_input_s16_t *from, const int16_t *input)
{
    slimse_spans_t whole;
    const slimse_spans_t *read;

    if (from->spans == NULL && from->spacing == 1U) {
        slimse_dot_rows_s16(sums, weights, row_count, input, NULL, taps * columns);
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
            slimse_dot_rows_s16(sums, rows, row_count, &input[read->range[range].first], NULL,
                                read->range[range].count);
        }
        input += from->spacing * columns;
    }
}

/** All rows of one output position. */
static inline void slimse_planes_position_s16(const slimse_planes_t *planes, const slimse_linear_s16_t *linear,
                                              const slimse_planes_input_s16_t *input, const slimse_window_t *window,
                                              int16_t *output)
{
    const uint32_t frame_size = (uint32_t)planes->kernel * planes->columns;
    const uint32_t row_size = planes->taps * frame_size;
    const uint32_t first_weight = window->tap * planes->columns;
    const uint32_t first_input = window->position * planes->columns;

    for (uint32_t row = 0; row < planes->rows; row += SLIMSE_DOT_ROWS) {
        const uint32_t left = planes->rows - row;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        const int8_t *weights[SLIMSE_DOT_ROWS];
        int64_t sums[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            sums[i] = linear->bias[row + i];
            weights[i] = &linear->weights[(row + i) * row_size + first_weight];
        }
        for (uint32_t tap = 0; tap < planes->taps; tap++) {
            slimse_planes_frame_s16(sums, weights, count, window->count, planes->columns, input,
                                    &input->frames[tap][first_input]);
            for (uint32_t i = 0; i < count; i++) {
                weights[i] += frame_size;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            output[row + i] = slimse_linear_output_s16(linear, row + i, sums[i]);
        }
    }
}

#endif
