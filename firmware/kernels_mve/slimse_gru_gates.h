/** Gates and states of a gated recurrent unit, four units at a time. */
#ifndef SLIMSE_GRU_GATES_H
#define SLIMSE_GRU_GATES_H

#include <stdint.h>

/** What one chunk of units is computed from. */
typedef struct {
    const int32_t *sums;        /**< [gates][SLIMSE_GATE_ROWS][input, recurrent] */
    const int32_t *multiplier;  /**< of the chunk's first quad: [quads][8], of units 0 2 as pairs of input and recurrent, of
                                     1 3 as pairs of recurrent and input */
    uint32_t gate_bytes;        /**< from one gate's multipliers to the next's */
    const int16_t *hidden;      /**< [4 * quads] the states */
    uint32_t quads;             /**< 1 or more */
    uint32_t left_input;        /**< how far sums over the input are shifted to the left first */
    uint32_t left_hidden;       /**< how far those over the state are */
    const int16_t *sigmoid;     /**< [257] Q15 */
    const int16_t *tanh;        /**< [257] Q15 */
} slimse_gru_gates_t;

/** The new states, with the reset behind the recurrent product; next [4 * quads]. */
void slimse_gru_after(const slimse_gru_gates_t *job, int16_t *next);

/** Updates, Q15, and what their resets keep of the states; both [4 * quads]. */
void slimse_gru_keep(const slimse_gru_gates_t *job, int16_t *updates, int16_t *kept);

/** The new states from updates and candidates alone, whose sums are the third gate's; next [4 * quads]. */
void slimse_gru_blend(const slimse_gru_gates_t *job, const int16_t *updates, int16_t *next);

#endif
