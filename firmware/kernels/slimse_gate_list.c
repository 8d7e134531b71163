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

static uint32_t is_open(const uint8_t *decided, uint32_t decision)
{
    return ((uint32_t)decided[decision / 8U] >> (decision % 8U)) & 1U;
}

/* A bit for each channel, several groups to a byte; the last comes first, as the decisions may lie where the bits go. */
static void spread_in_bytes(uint8_t *bits, const uint8_t *decided, uint32_t decisions, uint32_t group)
{
    const uint32_t all = (1U << group) - 1U;
    uint32_t decision = decisions;
    uint32_t byte = (decisions * group + 7U) / 8U;

    while (byte-- > 0U) {
        const uint32_t first = byte * 8U / group;
        uint32_t open = 0;

        for (; decision > first; decision--) {
            open = open << group | is_open(decided, decision - 1U) * all;
        }
        bits[byte] = (uint8_t)open;
    }
}

/* The same for groups of any size. */
static void spread(uint8_t *bits, const uint8_t *decided, uint32_t decisions, uint32_t group)
{
    uint32_t channel = decisions * group;

    for (uint32_t decision = decisions; decision-- > 0U;) {
        const uint32_t open = is_open(decided, decision);

        for (uint32_t i = 0; i < group; i++) {
            channel--;
            bits[channel / 8U] =
                (uint8_t)((bits[channel / 8U] & ~(1U << channel % 8U)) | open << channel % 8U);
        }
    }
}

void slimse_gate_list(slimse_gate_t *gate, const uint8_t *decided, uint32_t decisions, uint32_t group)
{
    const uint32_t channels = decisions * group;
    const uint8_t *from = gate->forced != NULL ? gate->forced : decided;
    uint16_t *open = gate->open;

    if (group > 1U && gate->forced == NULL) {
        if (8U % group == 0U) {
            spread_in_bytes(gate->bits, decided, decisions, group);
        } else {
            spread(gate->bits, decided, decisions, group);
        }
        from = gate->bits;
    }
    gate->group = (uint16_t)(gate->forced != NULL ? 1U : group);
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
