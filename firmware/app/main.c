/*
 * main.c - take bytes, answer requests, sleep.
 */
#include "engine.h"
#include "hal.h"
#include "session.h"

int main(int argc, char **argv)
{
    uint8_t bytes[256];

    hal_init(argc, argv);
    app_engine_init();
    app_session_init();
    while (!app_session_ended()) {
        const size_t count = hal_read(bytes, sizeof bytes);

        if (count == 0) {
            hal_idle();
        }
        app_session_receive(bytes, count);
    }
    hal_flush();
    return 0;
}
