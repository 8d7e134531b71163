#include "slimse_ring_push_s16.h"

#include <string.h>

void slimse_ring_push_s16(const int16_t *frame, uint16_t channels, uint16_t slots, int16_t *ring, uint16_t *next)
{
    memcpy(&ring[(uint32_t)*next * channels], frame, channels * sizeof *frame);
    *next = (uint16_t)(*next + 1U == slots ? 0U : *next + 1U);
}
