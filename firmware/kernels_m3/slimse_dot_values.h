/** Dot products of weight rows with an input vector that keeps its zero point. */
#ifndef SLIMSE_DOT_VALUES_H
#define SLIMSE_DOT_VALUES_H

#include "slimse_dot.h"

/** Add weights * input over count contiguous columns to the sums of four rows. */
void slimse_dot4_values_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                           const int8_t *input, uint32_t count);

#endif
