/** Signs of the products of rows of twelve int8 weights with an int8 vector. */
#ifndef SLIMSE_NARROW_SIGNS_H
#define SLIMSE_NARROW_SIGNS_H

#include <stdint.h>

/** Words of a vector of twelve as slimse_paired_values gives them. */
enum { SLIMSE_NARROW_VALUES = 6 };

/**
 * Say which sums are negative.
 *
 * @param values [SLIMSE_NARROW_VALUES]
 * @param rows [8 * bytes][4] where the sum starts, weights of three quads as in slimse_paired_columns.h.
 * @param signs Receives the bytes; the first of eight rows is the highest bit.
 * @param signs_end Behind the last.
 */
void slimse_narrow_signs(const int32_t *values, const int32_t *rows, uint8_t *signs, const uint8_t *signs_end);

#endif
