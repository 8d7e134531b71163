/** Fixed-point arithmetic of the kernels; slimse_mcu/ops/arithmetic.py is the same in NumPy. */
#ifndef SLIMSE_ARITHMETIC_H
#define SLIMSE_ARITHMETIC_H

#include <stdint.h>

/** Limit a value to low..high. */
static inline int32_t slimse_clamp(int32_t value, int32_t low, int32_t high)
{
    const int32_t at_least = value < low ? low : value;
    return at_least > high ? high : at_least;
}

/** Shift left by 0..30 bits, saturating. */
static inline int32_t slimse_shift_left(int32_t value, int shift)
{
    /* gcc and clang shift negative numbers arithmetically. */
    if (value > INT32_MAX >> shift) {
        return INT32_MAX;
    }
    return value < INT32_MIN >> shift ? INT32_MIN : (int32_t)((uint32_t)value << shift);
}

/** Shift a number above INT32_MIN right by 1..31 bits, rounding to nearest, ties away from zero. */
static inline int32_t slimse_shift_right(int32_t value, int shift)
{
    /* One less where negative: half up then is away from zero.  gcc and clang shift negative numbers arithmetically. */
    const int32_t lower = value + (value >> 31);
    return (lower >> shift) + ((lower >> (shift - 1)) & 1);
}

/**
 * value * multiplier * 2^(shift - 31), rounded twice as the TensorFlow Lite reference kernels do.
 *
 * @param multiplier Q31, 0 or 2^30 .. 2^31 - 1.
 * @param shift -31 .. 30, left when positive.
 */
static inline int32_t slimse_requantize(int32_t value, int32_t multiplier, int shift)
{
    const int32_t shifted = shift > 0 ? slimse_shift_left(value, shift) : value;
    const int64_t product = (int64_t)shifted * multiplier + ((int64_t)1 << 30);
    const int32_t high = (int32_t)(product >> 31);
    return shift < 0 ? slimse_shift_right(high, -shift) : high;
}

/** slimse_requantize, then the output's zero point and clamp; no intermediate overflows. */
static inline int8_t slimse_requantize_s8(int32_t value, int32_t multiplier, int shift, int32_t offset, int32_t low,
                                          int32_t high)
{
    const int32_t scaled = slimse_requantize(value, multiplier, shift);
    return (int8_t)(slimse_clamp(scaled, low - offset, high - offset) + offset);
}

/** slimse_requantize, then a clamp to int16. */
static inline int16_t slimse_requantize_s16(int32_t value, int32_t multiplier, int shift, int32_t low, int32_t high)
{
    return (int16_t)slimse_clamp(slimse_requantize(value, multiplier, shift), low, high);
}

/**
 * A sum of products with int16 values times multiplier * 2^-shift, rounded half up, clamped.
 *
 * @param sum Below 2^47 in magnitude.
 * @param multiplier Q15, 0 or 2^14 .. 2^15 - 1.
 * @param shift 1 .. 46, to the right.
 */
static inline int16_t slimse_requantize_sum_s16(int64_t sum, int32_t multiplier, int shift, int32_t low, int32_t high)
{
    /* gcc and clang shift negative numbers arithmetically. */
    const int64_t scaled = (sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
    const int64_t at_least = scaled < low ? low : scaled;
    return (int16_t)(at_least > high ? high : at_least);
}

#endif
