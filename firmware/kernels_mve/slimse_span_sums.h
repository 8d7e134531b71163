/** Sums over the open ranges of inputs whose other channels are exactly zero. */
#ifndef SLIMSE_SPAN_SUMS_H
#define SLIMSE_SPAN_SUMS_H

#include "slimse.h"
#include "slimse_quads.h"

/**
 * The biases of a position when closed channels are not read.
 *
 * A closed input is its zero point in memory, everywhere the same: its products are formed once and for all.
 *
 * @param job For one position; its columns are groups of channels, its sums receive the biases.
 * @param spans Open ranges of a group's channels, not all of them.
 * @param channels Of a group.
 * @param closed [channels] whose closed ones are the zero point
 */
void slimse_closed_bias(const slimse_quads_t *job, const slimse_spans_t *spans, uint32_t channels,
                        const int8_t *closed);

/** Sums of all positions over the open ranges, from such biases; of at least one range. */
void slimse_open_sums(const slimse_quads_t *job, const slimse_spans_t *spans, uint32_t channels);

#endif
