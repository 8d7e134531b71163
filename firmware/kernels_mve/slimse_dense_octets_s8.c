#include "slimse_dense_octets_s8.h"
#include "slimse_channels.h"
#include "slimse_octets.h"

/* Rows whose sums are held at once; of open ones as many as go into sixes and fours. */
enum { CHUNK = 128, OPEN_CHUNK = 96 };

static void all_rows(const slimse_dense_octets_s8_t *layer, uint32_t octet_bytes, const int8_t *input, int8_t *output)
{
    int32_t sums[CHUNK];

    for (uint32_t row = 0; row < layer->rows; row += CHUNK) {
        const uint32_t left = layer->rows - row;
        const uint32_t count = left < CHUNK ? left : CHUNK;

        slimse_octets_s8(&layer->weights[row / 8U * octet_bytes], &layer->bias_and_shift[row], input, layer->columns,
                         (count + 7U) / 8U, sums);
        slimse_requantize_rows(&layer->rescale, row, count, sums, &output[row]);
    }
}

static void open_rows(const slimse_dense_octets_s8_t *layer, uint32_t octet_bytes, const slimse_gate_t *rows,
                      const int8_t *input, int8_t *output)
{
    const int8_t *starts[OPEN_CHUNK + 1];
    int32_t sums[OPEN_CHUNK + 1];

    for (uint32_t first = 0; first < rows->open_count; first += OPEN_CHUNK) {
        const uint32_t left = rows->open_count - first;
        const uint32_t count = left < OPEN_CHUNK ? left : OPEN_CHUNK;
        const uint16_t *const open = &rows->open[first];

        slimse_octet_starts(layer->weights, layer->bias_and_shift, octet_bytes, open, count, starts, sums);
        starts[count] = layer->weights;
        slimse_octet_rows_s8(starts, input, layer->columns, (count + 1U) & ~1U, sums);
        slimse_requantize_listed(&layer->rescale, open, count, sums, output);
    }
}

uint32_t slimse_dense_octets_s8(const slimse_dense_octets_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                                int8_t *output)
{
    const uint32_t octet_bytes = (layer->columns + 15U) / 16U * SLIMSE_OCTET_STEP;

    if (rows->open_count == layer->rows) {
        all_rows(layer, octet_bytes, input, output);
    } else {
        slimse_fill_s8(output, layer->rescale.output_offset, layer->rows);
        open_rows(layer, octet_bytes, rows, input, output);
    }
    return (uint32_t)rows->open_count * layer->columns;
}
