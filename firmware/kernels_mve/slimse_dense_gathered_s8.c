#include "slimse_dense_gathered_s8.h"
#include "slimse_gather.h"
#include "slimse_lists.h"
#include "slimse_quads.h"

/* Rows whose sums are held at once, and columns that are gathered at once. */
enum { CHUNK = 128, GATHERED = 16 * SLIMSE_GATHER_STEPS };

/* The input without offset, 0 .. 255, and its sum. */
static uint32_t without_offset(const int8_t *input, uint32_t count, uint8_t *values)
{
    const uint8x16_t sign = vdupq_n_u8(0x80);
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i += 16U) {
        const mve_pred16_t some = vctp8q(count - i);
        const uint8x16_t value = veorq_u8(vldrbq_z_u8((const uint8_t *)&input[i], some), sign);

        sum = vaddvaq_p_u8(sum, value, some);
        vstrbq_p_u8(&values[i], value, some);
    }
    return sum;
}

/* The listed inputs without offset, 0 .. 255, zero up to a multiple of 16, and their sum. */
static uint32_t gather_input(const int8_t *input, uint16_t *list, uint32_t count, uint8_t *values)
{
    const uint16x8_t sign = vdupq_n_u16(0x80);
    const uint32_t padded = (count + 15U) & ~15U;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < padded; i += 8U) {
        const mve_pred16_t some = vctp16q(i < count ? count - i : 0U);
        const uint16x8_t column = vldrhq_z_u16(&list[i], some);
        const uint16x8_t value =
            veorq_m_u16(vdupq_n_u16(0), vldrbq_gather_offset_u16((const uint8_t *)input, column), sign, some);

        vstrhq_u16(&list[i], column);
        sum = vaddvaq_u16(sum, value);
        vstrbq_u16(&values[i], value);
    }
    return sum;
}

static void all_columns(const slimse_dense_gathered_s8_t *layer, const int8_t *input, uint8_t *values, int8_t *output)
{
    const uint32_t sum = without_offset(input, layer->columns, values);
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
            .bias = &layer->bias[row],
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
        const int32_t *from = &layer->bias[row];
        uint32_t sum = 0;
        uint32_t first = 0;

        while (first < count) {
            const uint32_t behind = count - first;
            const uint32_t gathered = behind < GATHERED ? behind : GATHERED;

            sum += gather_input(input, &list[first], gathered, values);
            slimse_gather_quads_u8(&layer->weights[row * layer->columns], layer->columns, &list[first],
                                   (gathered + 15U) / 16U, values, from, (chunk + 3U) / 4U, sums);
            from = sums;
            first += gathered;
        }
        slimse_requantize_plus(&layer->rescale, row, chunk, from, &output[row], -128 * (int32_t)sum);
    }
    return macs;
}
