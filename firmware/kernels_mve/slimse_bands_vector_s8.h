#ifndef SLIMSE_BANDS_VECTOR_S8_H
#define SLIMSE_BANDS_VECTOR_S8_H

#include <stdint.h>

/** Fixed sparse matrix along frequency, the same for every channel; each row reads one range of positions. */
typedef struct {
    uint16_t rows;         /**< positions of the output */
    uint16_t channels;     /**< values per position */
    const uint16_t *first; /**< [rows] first position read */
    const uint16_t *start; /**< [rows] first weight */
    const uint16_t *count; /**< [rows] positions read; 0: the output is zero */
    const int8_t *weights; /**< those of the rows behind one another, symmetric per row */
    const int32_t *multiplier; /**< [rows, to a multiple of 4] Q31 */
    const int8_t *shift;   /**< [rows, to a multiple of 4] left when positive */
    int16_t input_offset;  /**< minus the input's zero point */
    int16_t output_offset; /**< the output's zero point */
    int8_t output_min;     /**< clamp of the fused activation */
    int8_t output_max;     /**< clamp of the fused activation */
} slimse_bands_vector_s8_t;

/**
 * @param input [positions][channels]
 * @param output [rows][channels]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_bands_vector_s8(const slimse_bands_vector_s8_t *layer, const int8_t *input, int8_t *output);

#endif
