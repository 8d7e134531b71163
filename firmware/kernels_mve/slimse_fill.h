/** Filling and copying of a few bytes, without the call and the cases of memset and memcpy. */
#ifndef SLIMSE_FILL_H
#define SLIMSE_FILL_H

#include <arm_mve.h>
#include <stdint.h>

/** Set count bytes. */
static inline void slimse_fill_s8(int8_t *to, int32_t value, uint32_t count)
{
    const int8x16_t values = vdupq_n_s8((int8_t)value);

    for (; count >= 16U; count -= 16U) {
        vstrbq_s8(to, values);
        to += 16;
    }
    vstrbq_p_s8(to, values, vctp8q(count));
}

#endif
