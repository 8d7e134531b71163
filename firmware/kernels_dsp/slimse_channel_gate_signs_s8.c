#include "slimse_channel_gate_signs_s8.h"
#include "slimse_paired_columns.h"
#include "slimse_paired_values.h"

enum { BITS = 32 };

/* List the channels whose bits are set; returns how many. */
static uint16_t list_open(uint32_t bits, uint32_t first, uint16_t *open)
{
    uint16_t *next = open;

    while (bits != 0U) {
        *next++ = (uint16_t)(first + (uint32_t)__builtin_ctz(bits));
        bits &= bits - 1U;
    }
    return (uint16_t)(next - open);
}

/* Eight decisions: the bits of two blocks of four, or the forced ones in their place. */
static uint32_t decided(const uint8_t *signs, const uint8_t *forced, uint32_t byte, uint32_t channels)
{
    if (forced == NULL) {
        return signs[2U * byte] | (uint32_t)signs[2U * byte + 1U] << 4;
    }
    const uint32_t left = channels - 8U * byte;
    return forced[byte] & (left < 8U ? (1U << left) - 1U : 0xFFU);
}

uint32_t slimse_channel_gate_signs_s8(const slimse_channel_gate_signs_s8_t *layer, const int8_t *input,
                                      int16_t *scratch, slimse_gate_t *gate)
{
    int32_t *const values = (int32_t *)(void *)scratch;
    int32_t *const values_end = slimse_paired_values(input, layer->columns, values);
    int8_t *const signs = (int8_t *)values_end;
    const uint32_t bytes = (layer->rows + 7U) / 8U;
    const slimse_paired_columns_t job = {
        .values = values,
        .values_end = values_end,
        .weights = layer->weights,
        .rows = layer->starts,
        .output = signs,
        .blocks = (layer->rows + 3U) / 4U,
    };

    signs[2U * bytes - 1U] = 0; /* behind an odd number of blocks */
    slimse_paired_columns_signs(&job);
    gate->open_count = 0;
    for (uint32_t first = 0; first < bytes; first += BITS / 8U) {
        uint32_t bits = 0;
        for (uint32_t i = 0; i < BITS / 8U && first + i < bytes; i++) {
            const uint32_t byte = decided((const uint8_t *)signs, gate->forced, first + i, layer->rows);
            gate->bits[first + i] = (uint8_t)byte;
            bits |= byte << (8U * i);
        }
        const uint16_t count = list_open(bits, 8U * first, &gate->open[gate->open_count]);
        gate->open_count = (uint16_t)(gate->open_count + count);
    }
    return (uint32_t)layer->rows * layer->columns;
}
