/** Integer square root. */
#ifndef SLIMSE_ROOT_H
#define SLIMSE_ROOT_H

#include <stdint.h>

/** Greatest integer whose square is not above value. */
static inline uint32_t slimse_square_root(uint64_t value)
{
    uint64_t root = 0;
    uint64_t bit = (uint64_t)1 << 62;

    while (bit > value) {
        bit >>= 2;
    }
    for (; bit != 0U; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

#endif
