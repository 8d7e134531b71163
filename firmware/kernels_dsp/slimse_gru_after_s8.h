#ifndef SLIMSE_GRU_AFTER_S8_H
#define SLIMSE_GRU_AFTER_S8_H

#include "slimse.h"

/** A cell of gated recurrent units, the reset behind the recurrent product; slimse_gru_units.h says how weights lie. */
typedef struct {
    uint16_t units;        /**< 1 .. 256 */
    uint16_t columns;      /**< inputs of one position */
    uint16_t positions;    /**< frequencies */
    uint16_t input_pitch;  /**< elements between the inputs of two positions */
    uint16_t output_pitch; /**< elements between the outputs of two positions */
    uint16_t hidden_pitch; /**< elements between the states of two positions, which each goes on from its last frame's;
                                0: one state runs along the positions, zero before the first */
    uint8_t is_reversed;   /**< 1: from the last position to the first */
    uint8_t output_shift;  /**< 8 .. 15; the output's scale is 2^(output_shift - 15) */
    uint8_t sum_shift;     /**< 0 .. 8: sums over the input are used at 256 >> sum_shift times their value */
    const int32_t *words;  /**< [units][...] */
} slimse_gru_after_s8_t;

/**
 * @param input [columns] at the first position
 * @param hidden [positions][units], read and written; not used where hidden_pitch is 0
 * @param scratch [4 input quads + 8 state quads] working memory, 4-byte aligned; quads even in number
 * @param output [units] at the first position
 * @return multiply-accumulates executed.
 */
uint32_t slimse_gru_after_s8(const slimse_gru_after_s8_t *layer, const int8_t *input, int16_t *hidden,
                             int16_t *scratch, int8_t *output);

#endif
