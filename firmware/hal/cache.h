/*
 * cache.h - instruction and data cache of Cortex-M7 and M55 (Armv7-M ARM B3.2, B4.8; Armv8-M alike).
 */
#ifndef HAL_CACHE_H
#define HAL_CACHE_H

#include <stdint.h>

/* Both are invalidated first: after reset they hold anything.  No part of the firmware uses DMA. */
static inline void hal_caches_on(void)
{
    volatile uint32_t *const ccr = (volatile uint32_t *)0xE000ED14u;
    volatile uint32_t *const ccsidr = (volatile uint32_t *)0xE000ED80u;
    volatile uint32_t *const csselr = (volatile uint32_t *)0xE000ED84u;
    volatile uint32_t *const iciallu = (volatile uint32_t *)0xE000EF50u;
    volatile uint32_t *const dcisw = (volatile uint32_t *)0xE000EF60u;
    uint32_t sets;
    uint32_t ways;

    *csselr = 0; /* the data cache of level 1 */
    __asm volatile("dsb" ::: "memory");
    sets = *ccsidr >> 13 & 0x7FFFu;
    ways = *ccsidr >> 3 & 0x3FFu;
    *iciallu = 0;
    for (uint32_t set = 0; set <= sets; set++) {
        for (uint32_t way = 0; way <= ways; way++) {
            *dcisw = set << 5 | way << 30; /* both cores: lines of 32 bytes, 4 ways */
        }
    }
    __asm volatile("dsb\n isb" ::: "memory");
    *ccr |= 3u << 16; /* data and instruction cache */
    __asm volatile("dsb\n isb" ::: "memory");
}

#endif
