/** 16-bit lanes of a word, as the instructions of the DSP extension see them. */
#ifndef SLIMSE_LANES_H
#define SLIMSE_LANES_H

#include <stdint.h>
#include <string.h>

/** Four bytes at any address. */
static inline uint32_t slimse_load_word(const int8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/** Sign-extended bytes 0 and 2. */
static inline uint32_t slimse_even_bytes(uint32_t word)
{
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
}

/** Sign-extended bytes 1 and 3. */
static inline uint32_t slimse_odd_bytes(uint32_t word)
{
    uint32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
}

/** Both bottom lanes. */
static inline uint32_t slimse_bottoms(uint32_t bottom, uint32_t top)
{
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(bottom), "r"(top));
    return result;
}

/** Both top lanes. */
static inline uint32_t slimse_tops(uint32_t bottom, uint32_t top)
{
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(top), "r"(bottom));
    return result;
}

/** sum + products of both lanes. */
static inline int32_t slimse_multiply_lanes(uint32_t first, uint32_t second, int32_t sum)
{
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(first), "r"(second), "r"(sum));
    return result;
}

/** sum + top lane * bottom lane. */
static inline int32_t slimse_multiply_top_bottom(uint32_t top, uint32_t bottom, int32_t sum)
{
    int32_t result;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(result) : "r"(top), "r"(bottom), "r"(sum));
    return result;
}

/** sum + top lane * top lane. */
static inline int32_t slimse_multiply_tops(uint32_t first, uint32_t second, int32_t sum)
{
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(first), "r"(second), "r"(sum));
    return result;
}

#endif
