/** What a gate holds once its channels are decided. */
#ifndef SLIMSE_GATE_LIST_H
#define SLIMSE_GATE_LIST_H

#include "slimse.h"

/**
 * Take decisions, or the forced ones in their place, and list the open channels.
 *
 * @param decided [(channels + 7) / 8] bit i % 8 of byte i / 8: channel i is to be open; those behind the last do not count; may be
 *        gate->bits.
 */
void slimse_gate_list(slimse_gate_t *gate, const uint8_t *decided, uint32_t channels);

#endif
