#include "slimse_gate_list.h"

#include <string.h>

/* List the channels whose bits are set, up to 32 from the first on; returns behind the last. */
static uint16_t *list_open(uint32_t bits, uint32_t first, uint16_t *open)
{
    while (bits != 0U) {
        *open++ = (uint16_t)(first + (uint32_t)__builtin_ctz(bits));
        bits &= bits - 1U;
    }
    return open;
}

void slimse_gate_list(slimse_gate_t *gate, const uint8_t *decided, uint32_t channels)
{
    const uint8_t *const from = gate->forced != NULL ? gate->forced : decided;
    uint16_t *open = gate->open;

    for (uint32_t first = 0; first < channels; first += 32U) {
        const uint32_t left = channels - first;
        const uint32_t bytes = left < 32U ? (left + 7U) / 8U : sizeof(uint32_t);
        uint32_t bits = 0;

        memcpy(&bits, &from[first / 8U], bytes);
        if (left < 32U) {
            bits &= (1U << left) - 1U;
        }
        memcpy(&gate->bits[first / 8U], &bits, bytes);
        open = list_open(bits, first, open);
    }
    gate->open_count = (uint16_t)(open - gate->open);
}
