/** Values of int8 tensors replaced by entries of a table. */
#ifndef SLIMSE_TABLE_H
#define SLIMSE_TABLE_H

#include <arm_mve.h>
#include <stdint.h>

/**
 * Look count bytes up.
 *
 * @param table [256]
 * @param flip 0x80: the table begins with the entry of -128; 0: with that of 0, and that of -128 follows 127's.
 */
static inline void slimse_look_up_s8(const int8_t *table, uint8_t flip, const int8_t *input, int8_t *output,
                                     uint32_t count)
{
    const uint8x16_t turned = vdupq_n_u8(flip);

    for (uint32_t i = 0; i < count; i += 16U) {
        const mve_pred16_t some = vctp8q(count - i);
        const uint8x16_t entry = veorq_u8(vldrbq_z_u8((const uint8_t *)&input[i], some), turned);

        vstrbq_p_s8(&output[i], vldrbq_gather_offset_s8(table, entry), some);
    }
}

#endif
