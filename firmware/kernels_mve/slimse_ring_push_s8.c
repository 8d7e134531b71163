#include "slimse_ring_push_s8.h"

#include <arm_mve.h>

void slimse_ring_push_s8(const int8_t *frame, uint16_t channels, uint16_t slots, int8_t *ring, uint16_t *next)
{
    int8_t *to = &ring[(uint32_t)*next * channels];
    uint32_t left = channels;

    for (; left >= 16U; left -= 16U) {
        vstrbq_s8(to, vldrbq_s8(frame));
        frame += 16;
        to += 16;
    }
    if (left > 0U) {
        const mve_pred16_t some = vctp8q(left);
        vstrbq_p_s8(to, vldrbq_z_s8(frame, some), some);
    }
    *next = (uint16_t)(*next + 1U == slots ? 0U : *next + 1U);
}
