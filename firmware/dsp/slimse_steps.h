/* Quantization by a table of steps: any ascending function of a number that orders like 32 bits. */
#ifndef SLIMSE_STEPS_H
#define SLIMSE_STEPS_H

#include <stdint.h>

/* The numbers are divided into equal buckets; none holds more than 3 thresholds. */
typedef struct {
    const uint32_t
        *thresholds;      /* [level] for level -128 .. 128: where level + 1 begins; ascending, */
                          /* the last two above all numbers */
    const int8_t *starts; /* level where each bucket begins */
    uint16_t first;       /* bucket of starts[0]; those below it are like it */
    uint8_t shift;        /* a number's bucket is the number >> shift */
} slimse_steps_t;

/* -128 and how many thresholds are at or below a number. */
static inline int8_t slimse_step_of(const slimse_steps_t *steps, uint32_t number)
{
    const int32_t bucket = (int32_t)(number >> steps->shift) - (int32_t)steps->first;
    int32_t level = steps->starts[bucket < 0 ? 0 : bucket];

    if (number >= steps->thresholds[level + 1]) {
        level += 2;
    }
    if (number >= steps->thresholds[level]) {
        level += 1;
    }
    return (int8_t)level;
}

#endif
