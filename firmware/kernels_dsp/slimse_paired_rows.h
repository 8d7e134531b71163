/**
 * Products of int8 weights with an int8 vector, two rows in each 16-bit lane.
 *
 * A word of weights holds the rows A, B of the columns a, b as the lanes 256 wAa + wBa and 256 wAb + wBb.  With the inputs
 * xa, xb as lanes,
 *
 *     SMLAD(word, xa xb) = 256 (wAa xa + wAb xb) + wBa xa + wBb xb      SMLAD(SXTB16(word), xa xb) = wBa xa + wBb xb
 *
 * is three instructions for four products, exact while sums are below 2^23 in magnitude.  A column can be left out:
 * of a pair that is half open, the open lanes of two words are packed into one.
 *
 * Weights lie in blocks of four rows: [blocks][pairs of columns][2 pairs of rows] words, zero where rows or columns are
 * missing.  Of each four columns the first and the third are a pair, and the second and the fourth.
 */
#ifndef SLIMSE_PAIRED_ROWS_H
#define SLIMSE_PAIRED_ROWS_H

#include <stdint.h>

/** Where rows are computed: all pointers at the first block. */
typedef struct {
    const int32_t *values;     /**< [pairs] inputs less their zero point as lanes; of all columns */
    const int32_t *values_end; /**< behind the last */
    const int8_t *weights;     /**< [blocks][pairs][2] words, 4-byte aligned */
    const int32_t *rows;       /**< [blocks][2][4] starts of sums of the rows 0, 2, 1, 3, see slimse_rows.h;
                                    multipliers of the rows 0, 1, 2, 3 */
    int8_t *output;            /**< [4 blocks] */
    int32_t output_offset;     /**< added to outputs before they are limited to int8 */
    uint32_t blocks;           /**< 1 or more */
    uint32_t block_bytes;      /**< weights of a block */
} slimse_paired_rows_t;

/**
 * Which columns are read; begin and end of three lists of an even number of entries each.
 *
 * An offset is where the weights of a pair of columns lie in a block, in bytes.
 */
typedef struct {
    const int32_t *both;      /**< offset, lanes of inputs: pairs of which both columns are read */
    const int32_t *both_end;
    const int32_t *lower;     /**< two offsets, lanes of inputs: pairs of which the first column is read */
    const int32_t *lower_end;
    const int32_t *upper;     /**< the same of the second column, from behind the last entry downwards */
    const int32_t *upper_end; /**< before the last, upper at most */
} slimse_paired_lists_t;

/** Compute blocks of four rows over all columns. */
void slimse_paired_rows_blocks(const slimse_paired_rows_t *job);

/** A run of quads of columns that is read at every position of a strip. */
typedef struct {
    const void *entry;   /**< set by slimse_paired_rows_strip */
    const void *pairs;   /**< the same */
    uint32_t values;     /**< where its values begin, in bytes from those of the position */
    uint32_t values_end; /**< where they end */
    uint32_t weights;    /**< where its weights lie in a block, in bytes */
} slimse_paired_run_t;

/** Positions along frequency at which the same rows are computed. */
typedef struct {
    const int32_t *values;    /**< of the first position */
    uint32_t value_pitch;     /**< bytes from one position to the next */
    uint32_t positions;       /**< 1 or more */
    const int8_t *weights;    /**< of the first block */
    uint32_t block_bytes;     /**< weights of a block */
    const int32_t *rows;      /**< as in slimse_paired_rows_t */
    const int32_t *rows_end;  /**< behind the last block's, rows + 8 at least */
    int8_t *output;           /**< of the first block and position */
    uint32_t output_pitch;    /**< bytes from one position to the next */
    int32_t output_offset;    /**< added to outputs before they are limited to int8 */
    slimse_paired_run_t *runs;
    slimse_paired_run_t *runs_end; /**< runs + 1 at least */
} slimse_paired_strip_t;

/** Compute blocks of four rows at all positions of a strip. */
void slimse_paired_rows_strip(const slimse_paired_strip_t *strip);

/** Compute blocks of four rows over listed columns; values are not used. */
void slimse_paired_rows_listed(const slimse_paired_rows_t *job, const slimse_paired_lists_t *lists);

#endif
