#include "slimse_pointwise_s8.h"
#include "slimse_dot.h"
#include "slimse_spans.h"

/* A closed input is exactly zero, so leaving out its columns leaves the sums unchanged. */
static void dot_rows(const slimse_pointwise_s8_t *layer, const slimse_spans_t *spans, uint32_t row, uint32_t count,
                     const int8_t *input, int32_t sums[SLIMSE_DOT_ROWS])
{
    const slimse_linear_s8_t *linear = &layer->linear;

    for (uint32_t i = 0; i < count; i++) {
        sums[i] = linear->bias[row + i];
    }
    for (uint32_t range = 0; range < spans->ranges; range++) {
        const uint32_t first = spans->range[range].first;
        const uint32_t columns = spans->range[range].count;
        const int8_t *weights[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            weights[i] = &linear->weights[(row + i) * layer->columns + first];
        }
        slimse_dot_rows_s8(sums, weights, count, &input[first], linear->input_offset, columns);
    }
}

uint32_t slimse_pointwise_s8(const slimse_pointwise_s8_t *layer, const slimse_spans_t *spans, const int8_t *input,
                             int8_t *restrict output)
{
    slimse_spans_t whole;
    const slimse_spans_t *const read = slimse_spans_or_whole(spans, layer->columns, &whole);

    for (uint32_t position = 0; position < layer->positions; position++) {
        for (uint32_t row = 0; row < layer->rows; row += SLIMSE_DOT_ROWS) {
            const uint32_t left = layer->rows - row;
            const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
            int32_t sums[SLIMSE_DOT_ROWS];

            dot_rows(layer, read, row, count, input, sums);
            for (uint32_t i = 0; i < count; i++) {
                output[row + i] = slimse_linear_output(&layer->linear, row + i, sums[i]);
            }
        }
        input += layer->columns;
        output += layer->output_pitch;
    }
    return (uint32_t)layer->positions * layer->rows * read->channels;
}
