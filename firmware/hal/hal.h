/*
 * hal.h - what the application needs of a board, and all that a new board has to provide.
 *
 * Every Cortex-M board shares cortex_m_start.S, cortex_m.c (start, stack guard, stack high-water
 * mark, faults) and marks.c, and joins to them one file for its family of microcontrollers, one or
 * two for its link and one for its counter: parts.h.  The PC implements this header in one file,
 * host.c.
 *
 * No function here is called from an interrupt, except hal_interrupt().
 */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What hal_counter() counts. */
enum {
    HAL_COUNTER_NONE = 0,         /* it reads 0 */
    HAL_COUNTER_INSTRUCTIONS = 1, /* emulated time, from which the executed instructions follow */
    HAL_COUNTER_CYCLES = 2        /* core clock cycles */
};

/* The board as the firmware found it. */
typedef struct {
    const char *board;     /* name of the board's folder */
    uint32_t clock_hz;     /* core clock; 0 where it means nothing (host) */
    uint32_t counter_hz;   /* ticks of hal_counter() per second; 0: a tick is one count */
    uint8_t counter_kind;  /* HAL_COUNTER_... */
    uint8_t window;        /* requests that may be on their way at once, 1 to 4 (more means 4); 1
                              where bytes that arrive during a computation would be lost */
    uint8_t duplex;        /* 1: bytes that arrive while others are sent are taken */
} hal_info_t;

/*
 * What a fault left behind.  Registers are 0 when `frame_valid` is 0: the fault hit while the
 * registers were being stacked.  Status registers are those of the Armv7-M system control block.
 */
typedef struct {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
    uint32_t sp;             /* main stack pointer at the exception */
    uint32_t cfsr, hfsr;     /* configurable and hard fault status */
    uint32_t mmfar, bfar;    /* faulting address, when cfsr says that it is valid */
    uint8_t exception;       /* 3 hard, 4 memory management, 5 bus, 6 usage fault */
    uint8_t frame_valid;     /* 1: r0 .. xpsr are those of the faulting code */
    uint8_t stack_overflow;  /* 1: the stack ran into its guard */
} hal_fault_t;

/* Bring up clocks, link and counter.  Called once, first in main(). */
void hal_init(int argc, char **argv);

/* Constant after hal_init(). */
const hal_info_t *hal_info(void);

/* Take up to `capacity` received bytes; returns how many, 0 when none waits.  Never blocks. */
size_t hal_read(uint8_t *bytes, size_t capacity);

/* Hand over up to `count` bytes; returns how many were taken, 0 when none fits.  Never blocks. */
size_t hal_write(const uint8_t *bytes, size_t count);

/* Wait until all bytes that were handed over are on their way. */
void hal_flush(void);

/* Sleep until a byte has arrived; may return early. */
void hal_idle(void);

/* Received bytes that were lost because nobody took them in time, since hal_init(). */
uint32_t hal_lost_bytes(void);

/* Free-running counter, wraps at 2^32. */
uint32_t hal_counter(void);

/* Between these two no interrupt runs, so that a count is the code's own.  Not nestable. */
void hal_measure_begin(void);
void hal_measure_end(void);

/* What a pin may show to a power analyser, see hal_mark(). */
enum {
    HAL_MARK_INFERENCE = 0, /* a frame is computed: network, front and back end */
    HAL_MARK_BUSY = 1       /* the core is awake */
};

/* Show that something begins or ends on the pin that the board names for it; else does nothing. */
void hal_mark(uint8_t mark, bool on);

/* Room of the stack in bytes without its guard, 0 where it is unknown (host). */
uint32_t hal_stack_bytes(void);

/* Greatest use of the stack since reset in bytes, 0 where it is unknown (host). */
uint32_t hal_stack_peak(void);

/* End: the emulator or process exits with `code`; hardware restarts after 0, else stops. */
_Noreturn void hal_exit(int code);

/* Cortex-M only: provided by the family, runs for every interrupt. */
void hal_interrupt(void);

/*
 * Provided by the application: called once after a fault, on a stack of its own with interrupts
 * disabled; may use hal_write() and hal_flush().  The board ends when it returns.
 */
void app_fault(const hal_fault_t *fault);

/* Provided by the application; returns when the peer said bye, the exit code. */
int main(int argc, char **argv);

#endif
