/** What dense kernels do with outputs that they have computed in blocks of four rows. */
#ifndef SLIMSE_ROWS_END_H
#define SLIMSE_ROWS_END_H

#include "slimse.h"

#include <stddef.h>

/** Rows of a block. */
enum { SLIMSE_BLOCK_ROWS = 4 };

/** Whether the open channels of a gate fill blocks. */
static inline int slimse_opens_blocks(const slimse_gate_t *gate)
{
    return gate != NULL && gate->group != 0U && gate->group % SLIMSE_BLOCK_ROWS == 0U;
}

/** Length of the run of neighbours in a gate's list of open channels that begins at number i. */
static inline uint32_t slimse_open_run(const slimse_gate_t *gate, uint32_t i)
{
    uint32_t count = SLIMSE_BLOCK_ROWS;

    while (i + count < gate->open_count && gate->open[i + count] == gate->open[i] + count) {
        count += SLIMSE_BLOCK_ROWS;
    }
    return count;
}

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
