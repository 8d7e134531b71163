/* Integers limited to 16 bits: one instruction where the core has it. */
#ifndef SLIMSE_SATURATE_H
#define SLIMSE_SATURATE_H

#include <stdint.h>

#ifdef __ARM_FEATURE_SAT
static inline int16_t slimse_saturate_s16(int32_t value)
{
    int32_t saturated;
    __asm__("ssat %0, #16, %1" : "=r"(saturated) : "r"(value));
    return (int16_t)saturated;
}
#else
static inline int16_t slimse_saturate_s16(int32_t value)
{
    value = value < INT16_MIN ? INT16_MIN : value;
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value);
}
#endif

#endif
