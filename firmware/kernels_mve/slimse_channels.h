/** Filling, copying, clamps and closed channels of int8 tensors. */
#ifndef SLIMSE_CHANNELS_H
#define SLIMSE_CHANNELS_H

#include "slimse.h"

#include <arm_mve.h>

/** Set count bytes, without the call and the cases of memset. */
static inline void slimse_fill_s8(int8_t *to, int32_t value, uint32_t count)
{
    const int8x16_t values = vdupq_n_s8((int8_t)value);

    for (; count >= 16U; count -= 16U) {
        vstrbq_s8(to, values);
        to += 16;
    }
    vstrbq_p_s8(to, values, vctp8q(count));
}

/** Copy count bytes, without the call and the cases of memcpy. */
static inline void slimse_copy_s8(int8_t *to, const int8_t *from, uint32_t count)
{
    for (; count >= 16U; count -= 16U) {
        vstrbq_s8(to, vldrbq_s8(from));
        from += 16;
        to += 16;
    }
    const mve_pred16_t some = vctp8q(count);
    vstrbq_p_s8(to, vldrbq_z_s8(from, some), some);
}

/** Limit count bytes to low..high. */
void slimse_clamp_s8(int8_t *values, int32_t low, int32_t high, uint32_t count);

/** Give the closed channels of a gate their zero, where all were computed. */
void slimse_close_s8(const slimse_gate_t *gate, uint32_t channels, int32_t zero, int8_t *output);

#endif
