/*
 * host.c - the PC as a board: a process that talks over a socket which its parent opened.
 *
 * Usage: firmware FD, where FD is the number of an inherited, connected or listening stream socket.
 */
#define _POSIX_C_SOURCE 200809L

#include "hal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    int fd;
    uint8_t out[4096];
    size_t out_count;
} link_state = {.fd = -1};

static _Noreturn void stop(const char *message)
{
    (void)fprintf(stderr, "%s\n", message);
    exit(2);
}

static int parse_fd(const char *text)
{
    char *end = NULL;
    const long value = strtol(text, &end, 10);

    if (end == text || *end != '\0' || value < 0 || value > 65535) {
        stop("the argument must be the number of an open socket");
    }
    return (int)value;
}

void hal_init(int argc, char **argv)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    int fd;

    if (argc != 2) {
        stop("usage: firmware FD (the number of an inherited stream socket)");
    }
    fd = parse_fd(argv[1]);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
        stop("the argument is not the number of an open socket");
    }
    if (listening != 0) {
        fd = accept(fd, NULL, NULL);
    }
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        stop("the socket cannot be used");
    }
    link_state.fd = fd;
}

const hal_info_t *hal_info(void)
{
    static const hal_info_t info = {
        .board = HAL_BOARD,
        .clock_hz = 0,
        .counter_hz = 0,
        .counter_kind = HAL_COUNTER_NONE,
        .window = 4,
        .duplex = 1,
    };

    return &info;
}

static void wait_for(short events)
{
    struct pollfd waiting = {.fd = link_state.fd, .events = events, .revents = 0};

    (void)poll(&waiting, 1, -1);
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const ssize_t count = recv(link_state.fd, bytes, capacity, 0);

    if (count > 0) {
        return (size_t)count;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return 0;
    }
    exit(0); /* the peer is gone */
}

size_t hal_write(const uint8_t *bytes, size_t count)
{
    size_t taken = 0;

    if (link_state.out_count == sizeof link_state.out) {
        hal_flush();
    }
    while (taken < count && link_state.out_count < sizeof link_state.out) {
        link_state.out[link_state.out_count++] = bytes[taken++];
    }
    return taken;
}

void hal_flush(void)
{
    size_t sent = 0;

    while (sent < link_state.out_count) {
        const ssize_t count =
            send(link_state.fd, link_state.out + sent, link_state.out_count - sent, MSG_NOSIGNAL);

        if (count >= 0) {
            sent += (size_t)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait_for(POLLOUT);
        } else if (errno != EINTR) {
            exit(0); /* the peer is gone */
        }
    }
    link_state.out_count = 0;
}

void hal_idle(void)
{
    wait_for(POLLIN);
}

uint32_t hal_lost_bytes(void)
{
    return 0;
}

uint32_t hal_counter(void)
{
    return 0;
}

void hal_measure_begin(void)
{
}

void hal_measure_end(void)
{
}

void hal_mark(uint8_t mark, bool on)
{
    (void)mark;
    (void)on;
}

uint32_t hal_stack_bytes(void)
{
    return 0;
}

uint32_t hal_stack_peak(void)
{
    return 0;
}

_Noreturn void hal_exit(int code)
{
    hal_flush();
    exit(code);
}
