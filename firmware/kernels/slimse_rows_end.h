/** What dense kernels do with outputs that they have computed in blocks of four rows. */
#ifndef SLIMSE_ROWS_END_H
#define SLIMSE_ROWS_END_H

#include "slimse.h"

/** Rows of a block. */
enum { SLIMSE_BLOCK_ROWS = 4 };

/** Limit outputs to low .. high; nothing to do where that is all of int8. */
void slimse_rows_limit(int8_t *output, uint32_t rows, int32_t low, int32_t high);

/**
 * Make the rows zero that a gate closes.
 *
 * @param gate NULL: none.
 * @param is_whole 0: they are zero already, unless a limit has moved them.
 */
void slimse_rows_close(int8_t *output, uint32_t rows, const slimse_gate_t *gate, int is_whole, int32_t zero,
                       int32_t low, int32_t high);

#endif
