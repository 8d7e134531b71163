/** What a gate holds once its channels are decided. */
#ifndef SLIMSE_GATE_LIST_H
#define SLIMSE_GATE_LIST_H

#include "slimse.h"

/**
 * Take decisions, or the forced channels in their place, and list the open channels.
 *
 * @param decided [(decisions + 7) / 8] bit i % 8 of byte i / 8: decision i opens its channels; those behind the last
 *        do not count; may be gate->bits.
 * @param group Neighbouring channels that a decision opens.
 */
void slimse_gate_list(slimse_gate_t *gate, const uint8_t *decided, uint32_t decisions, uint32_t group);

#endif
