#ifndef SLIMSE_LIMIT_H
#define SLIMSE_LIMIT_H

#include "slimse.h"

/** Which decisions of a gate are obeyed where a limit leaves too few. */
typedef struct {
    uint16_t decisions;   /**< of the gate */
    uint16_t group;       /**< neighbouring channels that a decision opens */
    const uint8_t *order; /**< [decisions] every decision once; those that stay first come first.  More than 256: two
                               bytes each, the low one first */
} slimse_limit_t;

/**
 * Close what a gate has open beyond the first `most` of its open channels in that order, groups as a whole.
 *
 * A forced gate stays as it is.
 */
void slimse_limit(const slimse_limit_t *limit, uint16_t most, slimse_gate_t *gate);

#endif
