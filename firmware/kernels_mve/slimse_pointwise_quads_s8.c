#include "slimse_pointwise_quads_s8.h"
#include "slimse_span_sums.h"

/* Sums that are held at once, room for those that are read too far included. */
enum { ROWS = 128, SUMS = 256 };

/* Some rows; a chunk of positions at a time. */
static void some_rows(const slimse_pointwise_quads_s8_t *layer, uint32_t row, uint32_t rows,
                      const slimse_spans_t *spans, const int8_t *input, int8_t *output)
{
    const uint32_t quads = (rows + 3U) / 4U;
    const uint32_t chunk = (SUMS - 4U) / (4U * quads);
    const slimse_rescaling_t to = {
        .multiplier = &layer->rescale.multiplier[row],
        .output_offset = layer->rescale.output_offset,
        .is_rectified = layer->rescale.is_rectified,
    };
    int32_t sums[SUMS];
    int32_t bias[ROWS];
    slimse_quads_t job = {
        .weights = &layer->weights[row * layer->columns],
        .quads = quads,
        .quad_bytes = 4U * layer->columns,
        .columns = layer->columns,
        .input = input,
        .input_pitch = layer->columns,
        .bias = &layer->bias_and_shift[row],
        .positions = 1,
        .sums = bias,
    };

    if (spans != NULL) {
        slimse_closed_bias(&job, spans, layer->columns, input);
        job.bias = bias;
    }
    job.sums = sums;
    for (uint32_t left = layer->positions; left > 0U; left -= job.positions) {
        job.positions = left < chunk ? left : chunk;
        if (spans != NULL) {
            slimse_open_sums(&job, spans, layer->columns);
        } else {
            slimse_quads_s8(&job);
        }
        slimse_requantize_positions(&to, rows, job.positions, sums, output, layer->output_pitch);
        job.input += job.positions * layer->columns;
        output += job.positions * layer->output_pitch;
    }
}

uint32_t slimse_pointwise_quads_s8(const slimse_pointwise_quads_s8_t *layer, const slimse_spans_t *spans,
                                   const int8_t *input, int8_t *output)
{
    const uint32_t channels = spans != NULL ? spans->channels : layer->columns;

    /* All columns give the same sums; of one position they cost no more than closed and open ones apart. */
    if (channels == layer->columns || channels == 0U || layer->positions == 1U) {
        spans = NULL;
    }
    for (uint32_t row = 0; row < layer->rows; row += ROWS) {
        const uint32_t left = layer->rows - row;
        some_rows(layer, row, left < ROWS ? left : ROWS, spans, input, &output[row]);
    }
    return (uint32_t)layer->positions * layer->rows * channels;
}
