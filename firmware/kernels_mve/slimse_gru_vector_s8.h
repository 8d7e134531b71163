#ifndef SLIMSE_GRU_VECTOR_S8_H
#define SLIMSE_GRU_VECTOR_S8_H

#include "slimse.h"

/**
 * Gated recurrent unit: one cell and where it runs; gates in the order update, reset, candidate.
 *
 * Rows are gates x units, those of each gate to a multiple of 4.
 */
typedef struct {
    uint16_t units;                  /**< 1 .. 256 */
    uint16_t columns;                /**< inputs of one position */
    uint16_t positions;              /**< frequencies */
    uint16_t input_pitch;            /**< elements between the inputs of two positions */
    uint16_t output_pitch;           /**< elements between the outputs of two positions */
    uint16_t hidden_pitch;           /**< elements between the states of two positions, which each goes on from its last
                                          frame's; 0: one state runs along the positions, zero before the first */
    uint8_t is_reversed;             /**< 1: from the last position to the first */
    uint8_t reset_after;             /**< 1: reset behind the recurrent product, 0: in front of it */
    uint8_t left_input;              /**< how far sums over the input are shifted to the left first, and */
    uint8_t left_hidden;             /**< those over the state; then the products with the multipliers are Q3.12 x 2^32 */
    uint8_t output_shift;            /**< 8 .. 15; the output's scale is 2^(output_shift - 15) */
    const int8_t *input_weights;     /**< [rows][columns], layout tiles_4x16 */
    const int8_t *recurrent_weights; /**< [rows][units], layout tiles_4x8 */
    const int32_t *bias;             /**< [rows][input, recurrent], the former for inputs without offset */
    const int32_t *multiplier;       /**< [rows / 4][8] 0 or more: of rows 0 2 input and recurrent, of 1 3 in turn */
} slimse_gru_vector_s8_t;

/**
 * One frame, at all positions.
 *
 * @param input [positions][input_pitch], of which the first columns are read
 * @param hidden [positions][hidden_pitch], of which the first units are the state: int16, real = value / 32768, 0 at
 *               reset; [units] working memory where hidden_pitch is 0
 * @param scratch [units to a multiple of 4] working memory, twice that without reset_after
 * @param output [positions][output_pitch], of which the first units are written: the new state as int8
 * @return multiply-accumulates executed.
 */
uint32_t slimse_gru_vector_s8(const slimse_gru_vector_s8_t *layer, const int8_t *input, int16_t *hidden,
                              int16_t *scratch, int8_t *output);

#endif
