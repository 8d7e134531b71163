/**
 * One step of a gated recurrent unit with int8 input and int16 state, its reset behind the recurrent product.
 *
 * The rows of a unit's update, reset and candidate are summed together.  Over the input two columns share a lane, as in
 * slimse_paired_columns.h; over the state each weight has a lane of its own.  The weights lie in the order they are
 * read, unit by unit:
 *
 *     starts of the sums over the input [3], 256 times the bias; weights [quads][3]
 *     bias of the sums over the state [3]; weights [quads][3] with the columns a, c, b, d in the bytes of a word
 *     multipliers of both sums [3][2]
 *
 * all as 32-bit words; the quads of the input and of the state are even in number.
 */
#ifndef SLIMSE_GRU_UNITS_H
#define SLIMSE_GRU_UNITS_H

#include <stdint.h>

/** A step; the members are known to slimse_gru_units.S. */
typedef struct {
    const int32_t *values;     /**< [quads of the input][2] as slimse_paired_values gives them */
    const int32_t *values_end;
    const int16_t *hidden;     /**< [4 quads of the state] the old state, 4-byte aligned, zero behind its end */
    const int16_t *hidden_end;
    const int16_t *sigmoid;    /**< Q15 at 0; 128 steps of 1/16 to both sides */
    const int16_t *tanh;       /**< the same */
    int32_t half;              /**< 1 << (output_shift - 1) */
    uint32_t output_shift;     /**< 8 .. 15 */
    uint32_t sum_shift;        /**< 0 .. 8: sums over the input are used at 256 >> sum_shift times their value */
    const int16_t *old;        /**< the old state once more */
    int16_t *state;            /**< [units] receives the new state */
    int8_t *output;            /**< [units] receives its upper byte or less */
    uint32_t count;            /**< units, 1 or more */
} slimse_gru_units_t;

/** Compute all units. */
void slimse_gru_units(const slimse_gru_units_t *step, const int32_t *units);

#endif
