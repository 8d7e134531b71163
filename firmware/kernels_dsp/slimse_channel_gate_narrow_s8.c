#include "slimse_channel_gate_narrow_s8.h"
#include "slimse_gate_list.h"
#include "slimse_narrow_signs.h"
#include "slimse_paired_values.h"

#include <string.h>

uint32_t slimse_channel_gate_narrow_s8(const slimse_channel_gate_narrow_s8_t *layer, const int8_t *input,
                                       int16_t *scratch, slimse_gate_t *gate)
{
    uint8_t *const signs = (uint8_t *)scratch;
    int32_t values[SLIMSE_NARROW_VALUES];
    int8_t columns[2 * SLIMSE_NARROW_VALUES] = {0};

    memcpy(columns, input, layer->columns);
    slimse_paired_values(columns, sizeof columns, values);
    slimse_narrow_signs(values, layer->words, signs, &signs[(layer->rows + 7U) / 8U]);
    slimse_gate_list(gate, signs, layer->rows, layer->group);
    return (uint32_t)layer->rows * layer->columns;
}
