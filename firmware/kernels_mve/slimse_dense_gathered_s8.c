#include "slimse_dense_gathered_s8.h"
#include "slimse_gather.h"
#include "slimse_lists.h"
#include "slimse_quads.h"

/* Rows whose sums are held at once, and columns that are gathered at once. */
enum { CHUNK = 128, GATHERED = 16 * SLIMSE_GATHER_STEPS };

static void all_columns(const slimse_dense_gathered_s8_t *layer, const int8_t *input, uint8_t *values, int8_t *output)
{
    const uint32_t sum = slimse_inputs_u8(input, layer->columns, values);
    int32_t sums[CHUNK];

    for (uint32_t row = 0; row < layer->rows; row += CHUNK) {
        const uint32_t left = layer->rows - row;
        const uint32_t count = left < CHUNK ? left : CHUNK;
        const slimse_quads_t job = {
            .weights = (const int8_t *)&layer->weights[row * layer->columns],
            .quads = (count + 3U) / 4U,
            .quad_bytes = 4U * layer->columns,
            .columns = layer->columns,
            .input = (const int8_t *)values,
            .bias = &layer->bias_and_shift[row],
            .positions = 1,
            .sums = sums,
        };

        slimse_quads_u8(&job);
        slimse_requantize_plus(&layer->rescale, row, count, sums, &output[row], -128 * (int32_t)sum);
    }
}

uint32_t slimse_dense_gathered_s8(const slimse_dense_gathered_s8_t *layer, const slimse_gate_t *columns,
                                  const int8_t *input, int16_t *scratch, int8_t *output)
{
    const uint32_t macs = (uint32_t)layer->rows * columns->open_count;
    uint16_t *const list = (uint16_t *)scratch;
    uint32_t count = layer->columns;
    int32_t sums[CHUNK];
    uint8_t values[GATHERED];

    if (columns->open_count < layer->columns) {
        count = slimse_list_nonzero(input, layer->columns, -128, list);
    }
    if (count >= layer->dense_from) {
        all_columns(layer, input, (uint8_t *)scratch, output);
        return macs;
    }
    for (uint32_t row = 0; row < layer->rows; row += CHUNK) {
        const uint32_t left = layer->rows - row;
        const uint32_t chunk = left < CHUNK ? left : CHUNK;
        const int32_t *from = &layer->bias_and_shift[row];
        uint32_t sum = 0;
        uint32_t first = 0;

        while (first < count) {
            const uint32_t behind = count - first;
            const uint32_t gathered = behind < GATHERED ? behind : GATHERED;

            sum += slimse_listed_inputs_u8(input, &list[first], gathered, values);
            slimse_gather_quads_u8(&layer->weights[row * layer->columns], layer->columns, &list[first],
                                   (gathered + 15U) / 16U, values, from, (chunk + 3U) / 4U, sums);
            from = sums;
            first += gathered;
        }
        slimse_requantize_plus(&layer->rescale, row, chunk, from, &output[row], -128 * (int32_t)sum);
    }
    return macs;
}
