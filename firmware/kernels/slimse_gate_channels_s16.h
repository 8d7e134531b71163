#ifndef SLIMSE_GATE_CHANNELS_S16_H
#define SLIMSE_GATE_CHANNELS_S16_H

#include "slimse.h"

/** Closing of int16 channels where no layer could skip them itself. */
typedef struct {
    uint16_t size; /**< elements */
} slimse_gate_channels_s16_t;

/** @param channels Gate of the output. */
void slimse_gate_channels_s16(const slimse_gate_channels_s16_t *layer, const slimse_gate_t *channels,
                              const int16_t *input, int16_t *output);

#endif
