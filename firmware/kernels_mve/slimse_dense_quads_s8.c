#include "slimse_dense_quads_s8.h"
#include "slimse_quads.h"

/* Rows whose sums are held at once. */
enum { CHUNK = 128 };

uint32_t slimse_dense_quads_s8(const slimse_dense_quads_s8_t *layer, const int8_t *input, int8_t *output)
{
    int32_t sums[CHUNK];

    for (uint32_t row = 0; row < layer->rows; row += CHUNK) {
        const uint32_t left = layer->rows - row;
        const uint32_t count = left < CHUNK ? left : CHUNK;
        const slimse_quads_t job = {
            .weights = &layer->weights[row * layer->columns],
            .quads = (count + 3U) / 4U,
            .quad_bytes = 4U * layer->columns,
            .columns = layer->columns,
            .input = input,
            .bias = &layer->bias_and_shift[row],
            .positions = 1,
            .sums = sums,
        };

        slimse_quads_s8(&job);
        slimse_requantize_rows(&layer->rescale, row, count, sums, &output[row]);
    }
    return (uint32_t)layer->rows * layer->columns;
}
