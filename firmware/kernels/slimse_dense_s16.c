#include "slimse_dense_s16.h"
#include "slimse_dot.h"
#include "slimse_gate.h"
#include "slimse_spans.h"

/* Which inputs are read; open is NULL when those of the spans are. */
typedef struct {
    const slimse_spans_t *spans;
    const uint16_t *open;
    uint32_t count;
} columns_t;

/* A closed input is exactly zero, so leaving out its columns leaves the sums unchanged. */
static void dot_rows(const slimse_dense_s16_t *layer, const columns_t *read, const uint32_t *rows, uint32_t count,
                     const int16_t *input, int64_t sums[SLIMSE_DOT_ROWS])
{
    const slimse_linear_s16_t *linear = &layer->linear;
    const int8_t *weights[SLIMSE_DOT_ROWS];

    for (uint32_t i = 0; i < count; i++) {
        weights[i] = &linear->weights[rows[i] * layer->columns];
        sums[i] = linear->bias[rows[i]];
    }
    if (read->open != NULL) {
        slimse_dot_rows_s16(sums, weights, count, input, read->open, read->count);
        return;
    }
    for (uint32_t range = 0; range < read->spans->ranges; range++) {
        const uint32_t first = read->spans->range[range].first;
        const int8_t *starts[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            starts[i] = &weights[i][first];
        }
        slimse_dot_rows_s16(sums, starts, count, &input[first], NULL, read->spans->range[range].count);
    }
}

uint32_t slimse_dense_s16(const slimse_dense_s16_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                          const slimse_spans_t *spans, const int16_t *input, int16_t *output)
{
    const uint32_t row_count = slimse_gate_begin_s16(rows, layer->rows, output);
    slimse_spans_t whole;
    columns_t read = {slimse_spans_or_whole(spans, layer->columns, &whole), NULL, 0};

    read.count = read.spans->channels;
    if (columns != NULL && columns->open_count < layer->columns) {
        read.open = columns->open;
        read.count = columns->open_count;
    }
    for (uint32_t position = 0; position < layer->positions; position++) {
        for (uint32_t first = 0; first < row_count; first += SLIMSE_DOT_ROWS) {
            const uint32_t left = row_count - first;
            const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
            uint32_t taken[SLIMSE_DOT_ROWS];
            int64_t sums[SLIMSE_DOT_ROWS];

            for (uint32_t i = 0; i < count; i++) {
                taken[i] = slimse_gate_element(rows, first + i);
            }
            dot_rows(layer, &read, taken, count, input, sums);
            for (uint32_t i = 0; i < count; i++) {
                output[taken[i]] = slimse_linear_output_s16(&layer->linear, taken[i], sums[i]);
            }
        }
        input += layer->columns;
        output += layer->output_pitch;
    }
    return layer->positions * row_count * read.count;
}
