#include "slimse_ring_push_s8.h"
#include "slimse_channels.h"

void slimse_ring_push_s8(const int8_t *frame, uint16_t channels, uint16_t slots, int8_t *ring, uint16_t *next)
{
    slimse_copy_s8(&ring[(uint32_t)*next * channels], frame, channels);
    *next = (uint16_t)(*next + 1U == slots ? 0U : *next + 1U);
}
