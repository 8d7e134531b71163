/*
 * driver.c - runs a libFuzzer target on pseudo-random inputs where libFuzzer itself is missing.
 *
 * Usage: driver RUNS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state = 2463534242u;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

int main(int argc, char **argv)
{
    static uint8_t data[1024];
    const long runs = argc == 2 ? strtol(argv[1], NULL, 10) : 1000;

    for (long run = 0; run < runs; run++) {
        const size_t size = next() % sizeof data;
        const uint32_t mask = (next() & 1u) != 0 ? 0xFFu : 0x0Fu; /* small ones hit more requests */

        for (size_t i = 0; i < size; i++) {
            data[i] = (uint8_t)(next() >> 8 & mask);
        }
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    (void)printf("%ld runs\n", runs);
    return 0;
}
