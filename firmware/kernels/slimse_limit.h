#ifndef SLIMSE_LIMIT_H
#define SLIMSE_LIMIT_H

#include "slimse.h"

/** Which channels of a gate stay open where a limit leaves too few. */
typedef struct {
    uint16_t channels;     /**< of the gate */
    const uint16_t *order; /**< [channels] every channel once; those that stay first come first */
} slimse_limit_t;

/**
 * Close what a gate has open beyond the first `most` of its open channels in that order.
 *
 * A forced gate stays as it is.
 */
void slimse_limit(const slimse_limit_t *limit, uint16_t most, slimse_gate_t *gate);

#endif
