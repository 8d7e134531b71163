/** Which elements of a layer's output are computed: all, or the open channels of a gate. */
#ifndef SLIMSE_GATE_H
#define SLIMSE_GATE_H

#include "slimse.h"

#include <string.h>

/**
 * Make every closed element zero.
 *
 * @param gate NULL: all elements are computed, none is touched here.
 * @param zero The output's zero point.
 * @return How many elements are to be computed.
 */
static inline uint32_t slimse_gate_begin(const slimse_gate_t *gate, uint32_t size, int32_t zero, int8_t *output)
{
    if (gate == NULL) {
        return size;
    }
    memset(output, (int)zero, size);
    return gate->open_count;
}

/** slimse_gate_begin with int16, where zero is 0. */
static inline uint32_t slimse_gate_begin_s16(const slimse_gate_t *gate, uint32_t size, int16_t *output)
{
    if (gate == NULL) {
        return size;
    }
    memset(output, 0, size * sizeof *output);
    return gate->open_count;
}

/** The element to compute as number i. */
static inline uint32_t slimse_gate_element(const slimse_gate_t *gate, uint32_t i)
{
    return gate != NULL ? gate->open[i] : i;
}

#endif
