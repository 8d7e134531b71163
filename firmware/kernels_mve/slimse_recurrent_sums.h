/**
 * Sums of recurrent layers: those over the input and those over the state side by side.
 *
 * Rows lie four by four (layouts "tiles_4x16" and "tiles_4x8"); one pass forms both sums of four rows.
 */
#ifndef SLIMSE_RECURRENT_SUMS_H
#define SLIMSE_RECURRENT_SUMS_H

#include <stdint.h>

/** Rows of a gate that are computed at once, and pairs of sums from one gate to the next. */
enum { SLIMSE_GATE_ROWS = 32 };

/** What is multiplied with what: some rows of some gates. */
typedef struct {
    const int8_t *input_weights;     /**< of the first gate's rows: [quads][blocks of 16 columns][4][16], zero beyond them */
    uint32_t input_gate_bytes;       /**< from one gate's to the next's */
    const int8_t *recurrent_weights; /**< of the first gate's rows: [quads][blocks of 8 units][4][8], zero beyond them */
    uint32_t recurrent_gate_bytes;   /**< from one gate's to the next's */
    const int32_t *bias;             /**< of the first gate's rows: [4 * quads][input, recurrent] */
    uint32_t bias_gate_bytes;        /**< from one gate's to the next's */
    const int8_t *input;             /**< [columns] */
    uint32_t columns;                /**< 1 or more */
    const int16_t *hidden;           /**< [units] */
    uint32_t units;                  /**< 1 or more */
    uint32_t gates;                  /**< 1 or more */
    uint32_t quads;                  /**< of a gate, 1 .. SLIMSE_GATE_ROWS / 4 */
    int32_t *sums;                   /**< [gates][SLIMSE_GATE_ROWS][input, recurrent] receives bias + weights . values */
} slimse_recurrent_sums_t;

void slimse_recurrent_sums_s8(const slimse_recurrent_sums_t *job);

#endif
