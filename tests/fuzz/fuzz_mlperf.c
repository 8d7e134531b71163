/*
 * fuzz_mlperf.c - the command set of the MLPerf Tiny runner under arbitrary bytes (libFuzzer).
 *
 * Every command is answered, and the answer has an end.
 */
#define APP_MLPERF_MOST_RUNS 20u /* nobody waits for more */
#include "app_mlperf/mlperf.c"

#include <stdlib.h>

#include "hal_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_MOST = 4096 };

/* Take what was answered; 1 when it ends as every answer does. */
static int answered(void)
{
    static uint8_t text[ANSWER_MOST + 1];
    static const char end[] = "m-ready\r\n";
    const size_t count = memory_take(text, sizeof text);

    if (count > ANSWER_MOST) {
        abort();
    }
    return count >= sizeof end - 1 && memcmp(text + count - (sizeof end - 1), end, sizeof end - 1) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_start();
    memset(&state, 0, sizeof state);
    app_mlperf_init();
    (void)answered();
    for (size_t i = 0; i < size; i++) {
        app_mlperf_receive(data + i, 1);
        if (answered() != (data[i] == TERMINATOR)) {
            abort();
        }
    }
    return 0;
}
