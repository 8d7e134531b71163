#include "slimse_lookup_s8.h"
#include "slimse_channels.h"

static inline int8x16_t look_up(const int8_t *table, int8x16_t value)
{
    return vldrbq_gather_offset_s8(table, veorq_u8(vreinterpretq_u8_s8(value), vdupq_n_u8(0x80)));
}

void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output)
{
    const int8_t *const table = layer->table;
    uint32_t left = layer->size;

    for (; left >= 16U; left -= 16U) {
        vstrbq_s8(output, look_up(table, vldrbq_s8(input)));
        input += 16;
        output += 16;
    }
    if (left > 0U) {
        const mve_pred16_t some = vctp8q(left);
        vstrbq_p_s8(output, look_up(table, vldrbq_z_s8(input, some)), some);
    }
    if (channels != NULL) {
        slimse_close_s8(channels, layer->size, layer->output_offset, &output[left] - layer->size);
    }
}
