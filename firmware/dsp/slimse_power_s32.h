/* Numbers from zero up in integers, in a form that orders like them, and powers of them.
 *
 * The form is 32 bits: the binary exponent + 1 (of 1: 1), then 25 bits of fraction; 0 is 0. */
#ifndef SLIMSE_POWER_S32_H
#define SLIMSE_POWER_S32_H

#include <stdint.h>

#include "slimse_complex_s32.h"

/* Bits above the highest one that is set; x is not 0. */
static inline uint32_t slimse_leading_zeros(uint32_t x)
{
#ifdef __GNUC__
    return (uint32_t)__builtin_clz(x);
#else
    uint32_t zeros = 0;
    for (; (x & 0x80000000u) == 0; x <<= 1) {
        zeros++;
    }
    return zeros;
#endif
}

/* Bits that the larger part of a number leaves free, its sign's included. */
static inline uint32_t slimse_room(slimse_complex_s32_t x)
{
    const uint32_t reach = (uint32_t)(x.re ^ (x.re >> 31)) | (uint32_t)(x.im ^ (x.im >> 31));

    return slimse_leading_zeros(reach | 1u);
}

/* value * 2^exponent as a number. */
static inline uint32_t slimse_number_of(uint32_t value, uint32_t exponent)
{
    const uint32_t zeros = slimse_leading_zeros(value | 1u);

    return ((exponent + 31u - zeros) << 25) + ((value << zeros) >> 6);
}

/* The power of a bin, from its 15 highest bits, as a number. */
static inline uint32_t slimse_power_of(slimse_complex_s32_t x)
{
    const int32_t wanted = 17 - (int32_t)slimse_room(x);
    const uint32_t excess = (uint32_t)(wanted < 0 ? 0 : wanted);
    const int32_t re = x.re >> excess;
    const int32_t im = x.im >> excess;

    return slimse_number_of((uint32_t)(re * re) + (uint32_t)(im * im), 2u * excess);
}

/* ---- powers ---------------------------------------------------------------------------------- */

/* mantissa * 2^(exponent - 31) */
typedef struct {
    int32_t mantissa; /* 2^30 to 2^31 - 1, or 0 */
    int32_t exponent;
} slimse_octave_t;

/* A straight line. */
typedef struct {
    int32_t value; /* where it begins, in steps of 2^-29 */
    int32_t slope; /* how much it changes to its end, in steps of 2^-30 */
} slimse_line_t;

/* A power of a number. */
typedef struct {
    const slimse_octave_t *octaves; /* [64], the result where the fraction is 0; [0] is 0 */
    const slimse_line_t *lines;     /* [128], through the same power of 1 + fraction */
} slimse_power_s32_t;

/* a * b / 2^32, rounded down. */
static inline int32_t slimse_high_product(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 32);
}

/* A 64-bit value below 2^63 as a number. */
static inline uint32_t slimse_number_of_64(uint64_t value)
{
    uint32_t exponent = 0;

    if (value >> 32 != 0) { /* leaves the 32 highest bits */
        exponent = 32u - slimse_leading_zeros((uint32_t)(value >> 32));
        value >>= exponent;
    }
    return slimse_number_of((uint32_t)value, exponent);
}

/* The power of a number: mantissa * 2^(exponent - 28), mantissa below 2^29. */
static inline slimse_octave_t slimse_raise(const slimse_power_s32_t *power, uint32_t number)
{
    const slimse_octave_t *octave = &power->octaves[number >> 25];
    const slimse_line_t *line = &power->lines[(number >> 18) & 127u];
    const int32_t place = (int32_t)((number << 14) >> 1); /* on the line, in steps of 2^-31 */
    const int32_t fraction = line->value + slimse_high_product(line->slope, place);
    const slimse_octave_t result = {slimse_high_product(fraction, octave->mantissa),
                                    octave->exponent};

    return result;
}

/* value / 2^shift to nearest, a half goes up; a shift beyond 0 to 31 is as these. */
static inline int32_t slimse_shift_rounded(int32_t value, int32_t shift)
{
    const uint32_t bits = (uint32_t)(shift < 0 ? 0 : shift > 31 ? 31 : shift);

    return (value + (int32_t)((1u << bits) >> 1)) >> bits;
}

/* Both parts of a bin times a power of its power: steps of a feature, not limited. */
static inline slimse_complex_s32_t slimse_compressed(const slimse_power_s32_t *power,
                                                     uint64_t floor, slimse_complex_s32_t x)
{
    const uint64_t square = (uint64_t)((int64_t)x.re * x.re + (int64_t)x.im * x.im);
    const slimse_octave_t gain = slimse_raise(power, slimse_number_of_64(square + floor));
    const uint32_t room = slimse_room(x) - 1u;
    const int32_t shift = (int32_t)room - 4 - gain.exponent;
    const slimse_complex_s32_t steps = {
        slimse_shift_rounded(slimse_high_product(x.re * (int32_t)(1u << room), gain.mantissa),
                             shift),
        slimse_shift_rounded(slimse_high_product(x.im * (int32_t)(1u << room), gain.mantissa),
                             shift),
    };

    return steps;
}

#endif
