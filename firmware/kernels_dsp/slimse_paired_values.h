/** Inputs as the paired kernels read them: widened to 16-bit lanes, once per call. */
#ifndef SLIMSE_PAIRED_VALUES_H
#define SLIMSE_PAIRED_VALUES_H

#include <stdint.h>

/**
 * Prepare a vector for slimse_paired_columns.h.
 *
 * @param values [(columns + 3) / 4][2] receives the lanes; those of missing columns meet weights that are zero.
 * @return behind the last.
 */
int32_t *slimse_paired_values(const int8_t *input, uint32_t columns, int32_t *values);

#endif
