/**
 * Sums of products of a matrix whose rows lie four by four (layout "quads"), with input vectors.
 *
 * Quad q holds the rows 4q .. 4q + 3 as [columns][4]: VLD4 takes it apart into 16 columns of each row, and the four weights
 * of one column are one word, so that a gather fetches any four columns of four rows.  One pass forms eight rows, which
 * share each load of the input: 17 instructions for 128 products.
 */
#ifndef SLIMSE_QUADS_H
#define SLIMSE_QUADS_H

#include <stdint.h>

/** What is multiplied with what. */
typedef struct {
    const int8_t *weights; /**< [quads][columns][4], and behind each quad's columns bytes up to the next multiple of 64 from
                                its start, which are read but do not count */
    uint32_t quads;        /**< 1 or more */
    uint32_t quad_bytes;   /**< from one quad to the next, 4 * columns or more */
    uint32_t columns;      /**< 1 or more */
    const int8_t *input;   /**< [positions][input_pitch], of which the first columns are read */
    uint32_t input_pitch;  /**< elements from one position of the input to the next */
    const int32_t *bias;   /**< [positions][bias_pitch], of which the first 4 * quads are read; may be the sums */
    uint32_t bias_pitch;   /**< elements from one position's biases to the next's; 0: all have the same */
    uint32_t positions;    /**< 1 or more */
    int32_t *sums;         /**< [positions][4 * quads] receives bias + weights . input */
} slimse_quads_t;

/** All sums. */
void slimse_quads_s8(const slimse_quads_t *job);

/** slimse_quads_s8 with weights and inputs of 0 .. 255, 16 columns or more, at one position. */
void slimse_quads_u8(const slimse_quads_t *job);

#endif
