/*
 * caller.c - calls functions on an emulated board on behalf of a test on the host.
 *
 * Over semihosting: read a job from the file "in" (a pipe), carry its calls out, write memory and results to "out".
 *
 *   job     bytes of memory, calls, memory[bytes], then per call: function, argument words [ARGUMENTS]
 *   answer  memory[bytes], then per call: result, ticks of the counter
 *
 * All words are 32 bits wide; memory is what the host has laid out for CALLER_MEMORY.
 */
#include "hal.h"

enum { ARGUMENTS = 10, CALLS = 16, SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06 };

typedef struct {
    uint32_t function;
    uint32_t argument[ARGUMENTS];
} call_t;

typedef struct {
    uint32_t result;
    uint32_t ticks;
} answer_t;

typedef uint32_t (*function_t)(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,
                               uint32_t, uint32_t);

_Alignas(16) uint8_t caller_memory[256 * 1024];

static uint32_t semihost(uint32_t number, const uint32_t *block)
{
    register uint32_t operation __asm("r0") = number;
    register const uint32_t *argument __asm("r1") = block;

    __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(argument) : "memory");
    return operation;
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, mode, length};
    return semihost(SYS_OPEN, block);
}

static void transfer(uint32_t number, uint32_t file, void *bytes, uint32_t count)
{
    uint8_t *at = bytes;

    while (count > 0U) {
        const uint32_t block[3] = {file, (uint32_t)(uintptr_t)at, count};
        const uint32_t left = semihost(number, block);
        if (left >= count) {
            hal_exit(0);
        }
        at += count - left;
        count = left;
    }
}

static answer_t call(const call_t *one)
{
    const uint32_t *const a = one->argument;
    const function_t function = (function_t)(uintptr_t)one->function;
    answer_t answer;

    const uint32_t start = hal_counter();
    answer.result = function(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]);
    answer.ticks = hal_counter() - start;
    return answer;
}

static uint32_t nothing(void)
{
    return 0;
}

/* What a call of an empty function counts. */
function_t caller_nothing = (function_t)(uintptr_t)&nothing;

int main(int argc, char **argv)
{
    hal_init(argc, argv);
    const uint32_t in = open_file("in", 2, 1);
    const uint32_t out = open_file("out", 3, 5);

    for (;;) {
        static call_t calls[CALLS];
        static answer_t answers[CALLS];
        uint32_t head[2];

        transfer(SYS_READ, in, head, sizeof head);
        transfer(SYS_READ, in, caller_memory, head[0]);
        transfer(SYS_READ, in, calls, head[1] * (uint32_t)sizeof calls[0]);
        for (uint32_t i = 0; i < head[1]; i++) {
            answers[i] = call(&calls[i]);
        }
        transfer(SYS_WRITE, out, caller_memory, head[0]);
        transfer(SYS_WRITE, out, answers, head[1] * (uint32_t)sizeof answers[0]);
    }
}

void app_fault(const hal_fault_t *fault)
{
    (void)fault;
}
