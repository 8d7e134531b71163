/*
 * serial_semihosting.c - in place of serial.c and a serial port, where an emulator runs the board:
 * the link is two pipes of the computer, read and written many bytes at a time.
 *
 * An emulated serial port passes on byte by byte, which takes longer than the frames themselves.
 *
 * Command line: IN OUT, the names of the pipes.
 */
#include <string.h>

#include "hal.h"
#include "parts.h"
#include "semihosting.h"

enum { MODE_READ = 1, MODE_WRITE = 5 }; /* those of fopen, "rb" and "wb" */

static struct {
    uint32_t handle;
    uint32_t begin; /* next to take */
    uint32_t end;
    uint8_t bytes[1024];
} in;

static struct {
    uint32_t handle;
    uint32_t count;
    uint8_t bytes[1024];
} out;

/* Open the file that the next word of `*text` names, and go on behind that word. */
static uint32_t open_next(char **text, uint32_t mode)
{
    char *const name = *text;
    uint32_t length = 0;
    int32_t handle;

    while (name[length] != ' ' && name[length] != '\0') {
        length++;
    }
    *text += length + (name[length] == ' ' ? 1u : 0u);
    name[length] = '\0';
    handle = semihosting(SEMIHOSTING_OPEN,
                         (semihosting_arguments_t){{semihosting_address(name), mode, length}});
    if (handle < 0) {
        hal_exit(2);
    }
    return (uint32_t)handle;
}

void serial_start(uint32_t uart_hz)
{
    char line[128] = {0};
    char *rest = line;

    (void)uart_hz;
    (void)semihosting(SEMIHOSTING_GET_CMDLINE,
                      (semihosting_arguments_t){{semihosting_address(line), sizeof line - 1u}});
    in.handle = open_next(&rest, MODE_READ);
    out.handle = open_next(&rest, MODE_WRITE);
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const uint32_t waiting = in.end - in.begin;
    const size_t count = waiting < capacity ? waiting : capacity;

    memcpy(bytes, in.bytes + in.begin, count);
    in.begin += (uint32_t)count;
    return count;
}

size_t hal_write(const uint8_t *bytes, size_t count)
{
    const size_t room = sizeof out.bytes - out.count;
    const size_t taken = count < room ? count : room;

    memcpy(out.bytes + out.count, bytes, taken);
    out.count += (uint32_t)taken;
    if (out.count == sizeof out.bytes) {
        hal_flush();
    }
    return taken;
}

void hal_flush(void)
{
    const uint32_t count = out.count;
    uint32_t sent = 0;

    out.count = 0;
    while (sent < count) {
        const uint32_t rest = count - sent;
        const uint32_t left = (uint32_t)semihosting(
            SEMIHOSTING_WRITE,
            (semihosting_arguments_t){{out.handle, semihosting_address(out.bytes + sent), rest}});

        if (left >= rest) {
            hal_exit(0); /* the peer is gone */
        }
        sent += rest - left;
    }
}

/* Reading waits for the first byte. */
void hal_idle(void)
{
    uint32_t left;

    hal_flush();
    if (in.begin < in.end) {
        return;
    }
    in.begin = 0;
    in.end = 0;
    left = (uint32_t)semihosting(
        SEMIHOSTING_READ,
        (semihosting_arguments_t){{in.handle, semihosting_address(in.bytes), sizeof in.bytes}});
    if (left >= sizeof in.bytes) {
        hal_exit(0); /* the peer is gone */
    }
    in.end = sizeof in.bytes - left;
}

uint32_t hal_lost_bytes(void)
{
    return 0;
}

/* No interrupt is enabled: the pipes have none. */
void hal_interrupt(void)
{
}
