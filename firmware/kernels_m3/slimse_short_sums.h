/**
 * How short sums become int8: those that the compiler has proved to stay below 2^29 in magnitude, with a shift of the
 * requantization that is to the right.
 */
#ifndef SLIMSE_SHORT_SUMS_H
#define SLIMSE_SHORT_SUMS_H

#include <stdint.h>

#include "slimse_saturate_s8.h"

/** Constants of a row: {32 * where its sum starts + shift - 1, multiplier}. */
enum { SLIMSE_ROW_CONSTANTS = 2 };

/** Where the sum of a row starts. */
static inline int32_t slimse_row_start(const int32_t constants[SLIMSE_ROW_CONSTANTS])
{
    /* gcc and clang shift negative numbers arithmetically. */
    return constants[0] >> 5;
}

/**
 * sum * multiplier * 2^(-31 - shift), rounded twice as slimse_requantize does, plus the offset, limited to int8.
 *
 * @param shift_less_1 The shift, 1 .. 31, less 1.
 */
static inline int32_t slimse_short_output(int32_t sum, int32_t multiplier, uint32_t shift_less_1, int32_t offset)
{
    const int64_t product = (int64_t)(2 * sum) * multiplier;
    const int32_t high = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
    /* One less where negative: half up then is away from zero. */
    const int32_t twice = ((high + (high >> 31)) >> shift_less_1) + 2 * offset + 1;
    return slimse_saturate_s8(twice >> 1);
}

/** The int8 of a row's finished sum. */
static inline int32_t slimse_row_output(const int32_t constants[SLIMSE_ROW_CONSTANTS], int32_t sum, int32_t offset)
{
    return slimse_short_output(sum, constants[1], (uint32_t)constants[0] & 31U, offset);
}

#endif
