#ifndef SLIMSE_GATE_CHANNELS_S8_H
#define SLIMSE_GATE_CHANNELS_S8_H

#include "slimse.h"

/** Closing of channels where no layer could skip them itself. */
typedef struct {
    int16_t output_offset; /**< the zero point that closed channels get */
    uint16_t size;         /**< elements */
} slimse_gate_channels_s8_t;

/** @param channels Gate of the output. */
void slimse_gate_channels_s8(const slimse_gate_channels_s8_t *layer, const slimse_gate_t *channels,
                             const int8_t *input, int8_t *output);

#endif
