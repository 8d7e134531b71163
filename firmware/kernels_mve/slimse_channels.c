#include "slimse_channels.h"

#include <string.h>

void slimse_clamp_s8(int8_t *values, int32_t low, int32_t high, uint32_t count)
{
    const int8x16_t least = vdupq_n_s8((int8_t)low);
    const int8x16_t most = vdupq_n_s8((int8_t)high);

    for (uint32_t i = 0; i < count; i += 16U) {
        const mve_pred16_t some = vctp8q(count - i);
        const int8x16_t value = vldrbq_z_s8(&values[i], some);
        vstrbq_p_s8(&values[i], vmaxq_s8(vminq_s8(value, most), least), some);
    }
}

void slimse_close_s8(const slimse_gate_t *gate, uint32_t channels, int32_t zero, int8_t *output)
{
    const int8x16_t closed = vdupq_n_s8((int8_t)zero);
    const uint8_t *bits = gate->bits;
    uint16_t open;

    for (; channels >= 16U; channels -= 16U) {
        memcpy(&open, bits, sizeof open);
        vstrbq_p_s8(output, closed, (mve_pred16_t)~open);
        bits += 2;
        output += 16;
    }
    if (channels > 0U) {
        open = (uint16_t)(bits[0] | (channels > 8U ? bits[1] << 8 : 0));
        vstrbq_p_s8(output, closed, (mve_pred16_t)(vctp8q(channels) & ~open));
    }
}
