#include "slimse_channel_gate_signs_s8.h"
#include "slimse_gate_list.h"
#include "slimse_paired_columns.h"
#include "slimse_paired_values.h"

uint32_t slimse_channel_gate_signs_s8(const slimse_channel_gate_signs_s8_t *layer, const int8_t *input,
                                      int16_t *scratch, slimse_gate_t *gate)
{
    int32_t *const values = (int32_t *)(void *)scratch;
    int32_t *const values_end = slimse_paired_values(input, layer->columns, values);
    uint8_t *const signs = (uint8_t *)values_end;
    const uint32_t bytes = (layer->rows + 7U) / 8U;
    const slimse_paired_columns_t job = {
        .values = values,
        .values_end = values_end,
        .weights = layer->weights,
        .rows = layer->starts,
        .output = (int8_t *)signs,
        .blocks = (layer->rows + 3U) / 4U,
    };

    signs[2U * bytes - 1U] = 0; /* behind an odd number of blocks */
    slimse_paired_columns_signs(&job);
    for (uint32_t i = 0; i < bytes; i++) {
        signs[i] = (uint8_t)(signs[2U * i] | signs[2U * i + 1U] << 4);
    }
    slimse_gate_list(gate, signs, layer->rows, layer->group);
    return (uint32_t)layer->rows * layer->columns;
}
