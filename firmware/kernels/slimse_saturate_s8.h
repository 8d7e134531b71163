/* Integers limited to 8 bits: one instruction where the core has it. */
#ifndef SLIMSE_SATURATE_S8_H
#define SLIMSE_SATURATE_S8_H

#include <stdint.h>

#ifdef __ARM_FEATURE_SAT
static inline int32_t slimse_saturate_s8(int32_t value)
{
    int32_t saturated;
    __asm__("ssat %0, #8, %1" : "=r"(saturated) : "r"(value));
    return saturated;
}
#else
static inline int32_t slimse_saturate_s8(int32_t value)
{
    value = value < INT8_MIN ? INT8_MIN : value;
    return value > INT8_MAX ? INT8_MAX : value;
}
#endif

#endif
