/** What layers with weights share; slimse_mcu/ops/linear.py is the same in NumPy. */
#ifndef SLIMSE_LINEAR_H
#define SLIMSE_LINEAR_H

#include "slimse.h"
#include "slimse_arithmetic.h"

/** Weights, bias and requantization of the rows (output channels) of a layer. */
typedef struct {
    const int8_t *weights;     /**< symmetric per row; the layer says their axes */
    const int32_t *bias;       /**< [rows] at input scale x weight scale */
    const int32_t *multiplier; /**< [rows] Q31 */
    const int8_t *shift;       /**< [rows] left when positive */
    int16_t input_offset;      /**< minus the input's zero point */
    int16_t output_offset;     /**< the output's zero point */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_linear_s8_t;

/** The same of a layer that works on int16 tensors; those have no zero point. */
typedef struct {
    const int8_t *weights;     /**< symmetric per row, -127 .. 127; the layer says their axes */
    const int32_t *bias;       /**< [rows] at input scale x weight scale */
    const int16_t *multiplier; /**< [rows] Q15 */
    const uint8_t *shift;      /**< [rows] 1 .. 46, to the right */
    int16_t output_min;        /**< clamp of the fused activation */
    int16_t output_max;        /**< clamp of the fused activation */
} slimse_linear_s16_t;

/** Requantize the sum of a row, clamp included. */
static inline int8_t slimse_linear_output(const slimse_linear_s8_t *linear, uint32_t row, int32_t sum)
{
    return slimse_requantize_s8(sum, linear->multiplier[row], linear->shift[row], linear->output_offset,
                                linear->output_min, linear->output_max);
}

/** slimse_linear_output with int16. */
static inline int16_t slimse_linear_output_s16(const slimse_linear_s16_t *linear, uint32_t row, int64_t sum)
{
    return slimse_requantize_sum_s16(sum, linear->multiplier[row], linear->shift[row], linear->output_min,
                                     linear->output_max);
}

#endif
