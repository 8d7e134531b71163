/** Sums of products of listed columns of a matrix of layout quads. */
#ifndef SLIMSE_GATHER_H
#define SLIMSE_GATHER_H

#include <stdint.h>

/** Most steps of one call. */
enum { SLIMSE_GATHER_STEPS = 6 };

/**
 * sums[row] = bias[row] + the listed weights . input, for weights and inputs of 0 .. 255
 *
 * The listed columns of four quads are copied side by side, then read as all columns are: copying costs less than half of
 * what reading with gathers in the products' order would.
 *
 * @param weights [quads][columns][4]
 * @param list [16 * steps] columns
 * @param steps 0 .. SLIMSE_GATHER_STEPS
 * @param input [16 * steps] of the listed columns
 * @param bias [4 * quads], may be sums
 * @param quads 1 or more.
 * @param sums [4 * quads]
 */
void slimse_gather_quads_u8(const uint8_t *weights, uint32_t columns, const uint16_t *list, uint32_t steps,
                            const uint8_t *input, const int32_t *bias, uint32_t quads, int32_t *sums);

#endif
