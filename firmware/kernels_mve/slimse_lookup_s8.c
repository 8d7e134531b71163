#include "slimse_lookup_s8.h"
#include "slimse_channels.h"
#include "slimse_table.h"

void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output)
{
    slimse_look_up_s8(layer->table, 0x80, input, output, layer->size);
    if (channels != NULL) {
        slimse_close_s8(channels, layer->size, layer->output_offset, output);
    }
}
