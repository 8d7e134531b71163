/**
 * Constants of a layer's rows as the paired kernels read them, and how a finished sum becomes an int8.
 *
 * A sum starts at 256 (bias - what the products hold beyond the row's) + 32 - shift, where shift is the requantization's to
 * the right, 2 to 31.  The products are multiples of 256, so the low byte of the finished sum still is 32 - shift, and
 * the rest is 256 times the accumulator, which the compiler has proved to stay below 2^23 in magnitude.
 */
#ifndef SLIMSE_ROWS_H
#define SLIMSE_ROWS_H

#include <stdint.h>

#include "slimse_saturate_s8.h"

/** value * factor / 2^32, rounded half up. */
static inline int32_t slimse_high_product(int32_t value, int32_t factor)
{
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(value), "r"(factor));
    return result;
}

/** offset + value * factor / 2^32, rounded half up. */
static inline int32_t slimse_high_product_add(int32_t value, int32_t factor, int32_t offset)
{
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(value), "r"(factor), "r"(offset));
    return result;
}

/** 1 << the low byte of a number. */
static inline int32_t slimse_bit_of_low_byte(int32_t number)
{
    int32_t result;
    /* The shift by a register takes its low byte: no instruction cuts it out. */
    __asm__("lsl %0, %1, %2" : "=r"(result) : "r"(1), "r"(number));
    return result;
}

/**
 * The int8 of a finished sum, rounded twice as slimse_requantize does.
 *
 * @param sum 256 times the accumulator + 32 - shift.
 * @param offset The output's zero point.
 */
static inline int32_t slimse_rows_output(int32_t sum, int32_t multiplier, int32_t offset)
{
    const int32_t high = slimse_high_product(sum >> 7, multiplier);
    /* One less where negative: half up then is away from zero. */
    return slimse_saturate_s8(slimse_high_product_add(high + (high >> 31), slimse_bit_of_low_byte(sum), offset));
}

#endif
