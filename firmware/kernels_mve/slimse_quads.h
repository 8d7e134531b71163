/**
 * Sums of products of a matrix whose rows lie four by four (layout "quads"), with one input vector.
 *
 * Quad q holds the rows 4q .. 4q + 3 as [columns][4]: VLD4 takes it apart into 16 columns of each row, and the four weights
 * of one column are one word, so that a gather fetches any four columns of four rows.  One pass forms eight rows, which
 * share each load of the input: 17 instructions for 128 products.
 */
#ifndef SLIMSE_QUADS_H
#define SLIMSE_QUADS_H

#include <stdint.h>

/**
 * sums[row] = bias[row] + weights[row] . input
 *
 * @param weights [quads][columns][4], and behind each quad's columns bytes up to the next multiple of 64, which are read
 *                but do not count
 * @param bias [4 * quads], may be sums
 * @param input [columns]
 * @param columns 1 or more.
 * @param quads 1 or more.
 * @param sums [4 * quads]
 * @param quad_bytes From one quad to the next, 4 * columns or more.
 */
void slimse_quads_s8(const int8_t *weights, const int32_t *bias, const int8_t *input, uint32_t columns, uint32_t quads,
                     int32_t *sums, uint32_t quad_bytes);

/** slimse_quads_s8 with weights and inputs of 0 .. 255. */
void slimse_quads_u8(const uint8_t *weights, const int32_t *bias, const uint8_t *input, uint32_t columns,
                     uint32_t quads, int32_t *sums, uint32_t quad_bytes);

#endif
