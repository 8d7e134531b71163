#ifndef SLIMSE_LOOKUP_S8_H
#define SLIMSE_LOOKUP_S8_H

#include "slimse.h"

/** Any function of one variable. */
typedef struct {
    const int8_t *table;   /**< [256] values of the inputs -128 to 127 */
    int16_t output_offset; /**< the output's zero point */
    uint16_t size;         /**< elements */
} slimse_lookup_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output);

#endif
