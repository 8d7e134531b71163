/** Which columns a dense layer has to read: those whose input is not exactly zero, in lists for slimse_paired_rows.h. */
#ifndef SLIMSE_OPEN_COLUMNS_H
#define SLIMSE_OPEN_COLUMNS_H

#include "slimse_paired_rows.h"

/** How many columns are not zero, by pairs of columns. */
typedef struct {
    uint32_t singles; /**< pairs of which one column is not */
    uint32_t both;    /**< pairs of which both are not */
} slimse_open_count_t;

/** Widen a vector to lanes less its zero point; returns behind the last, [pairs] of the columns in whole quads. */
int32_t *slimse_lanes(const int8_t *input, uint32_t columns, int32_t offset, int32_t *lanes);

/** Count the columns of a vector that are not zero; offset: minus the zero point. */
slimse_open_count_t slimse_count_open(const int8_t *input, uint32_t columns, int32_t offset);

/**
 * List the columns of a vector that are not zero.
 *
 * @param most Bounds of what slimse_count_open would say.
 * @param room [2 (most.both + 1) + 3 (most.singles / 2 + 3)] receives the lists.
 */
slimse_paired_lists_t slimse_list_open(const int8_t *input, uint32_t columns, int32_t offset,
                                       slimse_open_count_t most, int32_t *room);

#endif
