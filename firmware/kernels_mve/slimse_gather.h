/** Sums of products of listed columns of a matrix of layout quads. */
#ifndef SLIMSE_GATHER_H
#define SLIMSE_GATHER_H

/** Most steps of one call. */
#define SLIMSE_GATHER_STEPS 6

#ifndef __ASSEMBLER__

#include <stdint.h>

/**
 * sums[row] = bias[row] + the listed weights . input, for weights and inputs of 0 .. 255
 *
 * The listed columns of four quads are copied side by side, then read as all columns are: that takes fewer cycles than
 * gathers in the order of the products.
 *
 * @param weights [quads][columns][4]
 * @param list [16 * steps] columns
 * @param steps 1 .. SLIMSE_GATHER_STEPS
 * @param input [16 * steps] of the listed columns
 * @param bias [4 * quads], may be sums
 * @param quads 1 or more.
 * @param sums [4 * quads, to a multiple of 8]
 */
void slimse_gather_quads_u8(const uint8_t *weights, uint32_t columns, const uint16_t *list, uint32_t steps,
                            const uint8_t *input, const int32_t *bias, uint32_t quads, int32_t *sums);

/**
 * Inputs without the offset of -128.
 *
 * @param input [count]
 * @param values [count] receives 0 .. 255
 * @return their sum.
 */
uint32_t slimse_inputs_u8(const int8_t *input, uint32_t count, uint8_t *values);

/**
 * slimse_inputs_u8 of listed columns, completed to whole steps by columns 0 with values of 0.
 *
 * @param list [count, to a multiple of 16] columns; is completed
 * @param values [count, to a multiple of 16]
 */
uint32_t slimse_listed_inputs_u8(const int8_t *input, uint16_t *list, uint32_t count, uint8_t *values);

#endif
#endif
