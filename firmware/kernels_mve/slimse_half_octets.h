/**
 * Sums of products of int8 weights, which lie eight rows by eight columns (layout "half_octets"), with int16 inputs.
 */
#ifndef SLIMSE_HALF_OCTETS_H
#define SLIMSE_HALF_OCTETS_H

#include <stdint.h>

/**
 * sums[row] = bias[row] + weights[row] . input, modulo 2^32
 *
 * @param weights [octets][(columns + 7) / 8][8][8], zero beyond the columns
 * @param bias [8 * octets], may be sums
 * @param input [columns]
 * @param octets 1 or more.
 * @param sums [8 * octets]
 */
void slimse_half_octets_s16(const int8_t *weights, const int32_t *bias, const int16_t *input, uint32_t columns,
                            uint32_t octets, int32_t *sums);

#endif
