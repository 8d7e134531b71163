/**
 * Products of int8 weights with an int8 vector, two columns of a row in each 16-bit lane.
 *
 * A word of weights holds the columns a, b, c, d of one row as the lanes 256 wa + wb and 256 wc + wd.  With the lanes
 * xa, xc and x' = 256 xb - xa + 127 (b, a: likewise d, c) of the inputs,
 *
 *     SMLAD(word, xa xc) + SMLAD(SXTB16(word), x' x') = 256 (wa xa + wb xb + wc xc + wd xd) + 127 (wb + wd)
 *
 * is three instructions for four products, and always exact while the sum is below 2^23 in magnitude.  The 127 (wb + wd)
 * of all columns are known beforehand and taken off where the sum starts.
 *
 * Weights lie in blocks of four rows: [blocks][quads of columns][4 rows] words, zero where rows or columns are missing.
 */
#ifndef SLIMSE_PAIRED_COLUMNS_H
#define SLIMSE_PAIRED_COLUMNS_H

#include <stdint.h>

/** Where rows are computed: all pointers at the first block. */
typedef struct {
    const int32_t *values;     /**< [quads][2] slimse_paired_values */
    const int32_t *values_end; /**< behind the last */
    const int8_t *weights;     /**< [blocks][quads][4] words, 4-byte aligned */
    const int32_t *rows;       /**< [blocks][2][4] where sums start, see slimse_rows.h, and multipliers */
    int8_t *output;            /**< [4 blocks] */
    int32_t output_offset;     /**< added to outputs before they are limited to int8 */
    uint32_t blocks;           /**< 1 or more */
} slimse_paired_columns_t;

/** Compute blocks of four rows. */
void slimse_paired_columns_blocks(const slimse_paired_columns_t *job);

/**
 * Compute listed rows, each into its place in the output.
 *
 * @param job output: of row 0; blocks is not used.
 * @param listed Rows.
 * @param count 1 or more.
 */
void slimse_paired_columns_listed(const slimse_paired_columns_t *job, const uint16_t *listed, uint32_t count);

/**
 * Say which sums of blocks of four rows are positive.
 *
 * @param job rows: [blocks][4] where sums start; output: receives a byte per block, bit i: row i's sum is.
 */
void slimse_paired_columns_signs(const slimse_paired_columns_t *job);

#endif
