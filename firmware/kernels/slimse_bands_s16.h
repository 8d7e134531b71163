#ifndef SLIMSE_BANDS_S16_H
#define SLIMSE_BANDS_S16_H

#include <stdint.h>

/** Fixed sparse matrix along frequency of int16, the same for every channel; each row reads one range of positions. */
typedef struct {
    uint16_t rows;             /**< positions of the output */
    uint16_t channels;         /**< values per position */
    const uint16_t *first;     /**< [rows] first position read */
    const uint16_t *count;     /**< [rows] positions read; 0: the output is zero */
    const int8_t *weights;     /**< those of the rows behind one another, symmetric per row */
    const int16_t *multiplier; /**< [rows] Q15 */
    const uint8_t *shift;      /**< [rows] 1 .. 46, to the right */
    int16_t output_min;        /**< clamp of the fused activation */
    int16_t output_max;        /**< clamp of the fused activation */
} slimse_bands_s16_t;

/**
 * @param input [positions][channels]
 * @param output [rows][channels]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_bands_s16(const slimse_bands_s16_t *layer, const int16_t *input, int16_t *output);

#endif
