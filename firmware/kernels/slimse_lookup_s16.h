#ifndef SLIMSE_LOOKUP_S16_H
#define SLIMSE_LOOKUP_S16_H

#include "slimse.h"

/** Any function of one int16 variable, in straight lines between the entries of a table. */
typedef struct {
    const int16_t *table; /**< [513] values of the inputs -32768, -32640, .. 32768 */
    uint16_t size;        /**< elements */
} slimse_lookup_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_lookup_s16(const slimse_lookup_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                       int16_t *output);

#endif
