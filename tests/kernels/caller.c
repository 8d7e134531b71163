/*
 * caller.c - calls functions on an emulated board on behalf of a test on the host.
 *
 * Over the link: read a job, carry its calls out, write memory and results.
 *
 *   job     bytes of memory, calls, memory[bytes], then per call: function, argument words [ARGUMENTS]
 *   answer  memory[bytes], then per call: result, ticks of the counter
 *
 * All words are 32 bits wide; memory is what the host has laid out for CALLER_MEMORY.
 */
#include "hal.h"

enum { ARGUMENTS = 10, CALLS = 16 };

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

static void receive(void *bytes, uint32_t count)
{
    uint8_t *at = bytes;

    while (count > 0U) {
        const size_t got = hal_read(at, count);

        if (got == 0U) {
            hal_idle();
        }
        at += got;
        count -= (uint32_t)got;
    }
}

static void send(const void *bytes, uint32_t count)
{
    const uint8_t *at = bytes;

    while (count > 0U) {
        const size_t taken = hal_write(at, count);

        at += taken;
        count -= (uint32_t)taken;
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
    for (;;) {
        static call_t calls[CALLS];
        static answer_t answers[CALLS];
        uint32_t head[2];

        receive(head, sizeof head);
        receive(caller_memory, head[0]);
        receive(calls, head[1] * (uint32_t)sizeof calls[0]);
        for (uint32_t i = 0; i < head[1]; i++) {
            answers[i] = call(&calls[i]);
        }
        send(caller_memory, head[0]);
        send(answers, head[1] * (uint32_t)sizeof answers[0]);
        hal_flush();
    }
}

void app_fault(const hal_fault_t *fault)
{
    (void)fault;
}
