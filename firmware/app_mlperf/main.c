/*
 * main.c - take bytes, answer the commands of the MLPerf Tiny runner, sleep.
 */
#include "engine.h"
#include "hal.h"
#include "mlperf.h"

int main(int argc, char **argv)
{
    uint8_t bytes[64];

    hal_init(argc, argv);
    app_engine_init();
    app_mlperf_init();
    for (;;) {
        const size_t count = hal_read(bytes, sizeof bytes);

        if (count == 0) {
            hal_idle();
        }
        app_mlperf_receive(bytes, count);
    }
}
