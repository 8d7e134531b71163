#include "slimse_limit.h"

static void list_again(uint32_t channels, slimse_gate_t *gate)
{
    gate->open_count = 0;
    for (uint32_t channel = 0; channel < channels; channel++) {
        if (slimse_is_open(gate, channel) != 0U) {
            gate->open[gate->open_count] = (uint16_t)channel;
            gate->open_count++;
        }
    }
}

static void close_channel(slimse_gate_t *gate, uint32_t channel)
{
    gate->bits[channel / 8U] = (uint8_t)(gate->bits[channel / 8U] & ~(1U << (channel % 8U)));
}

static uint32_t decision_at(const slimse_limit_t *limit, uint32_t place)
{
    const uint8_t *const order = limit->order;

    return limit->decisions <= 256U ? order[place] : order[2U * place] + 256U * order[2U * place + 1U];
}

void slimse_limit(const slimse_limit_t *limit, uint16_t most, slimse_gate_t *gate)
{
    const uint32_t group = limit->group;
    uint32_t left = most;

    if (gate->open_count <= most || gate->forced != NULL) {
        return;
    }
    for (uint32_t i = 0; i < limit->decisions; i++) {
        const uint32_t first = decision_at(limit, i) * group;

        if (slimse_is_open(gate, first) == 0U) {
            continue;
        }
        if (left >= group) {
            left -= group;
            continue;
        }
        for (uint32_t channel = first; channel < first + group; channel++) {
            close_channel(gate, channel);
        }
    }
    list_again(limit->decisions * group, gate);
}
