/*
 * parts.h - what the parts of a Cortex-M board layer do for each other.
 *
 * A board's `hal` list names one file of each kind; cortex_m.c joins them to what hal.h promises:
 *   family   clocks, flash wait states, pins           stm32f4.c, nrf.c, rp2040.c ...
 *   serial   the link                                  serial.c, serial_semihosting.c
 *   uart     the port of serial.c, a file per kind     uart_stm32_v1.c, uart_pl011.c ...
 *   counter  cycles, or instructions in an emulator    counter_dwt.c, counter_systick.c ...
 *
 * Where the parts are and how fast they run comes from the board's `defines`.
 */
#ifndef HAL_PARTS_H
#define HAL_PARTS_H

#include <stdbool.h>
#include <stdint.h>

/* Pins of families whose ports have letters and 16 pins each. */
#define PIN_A(bit) (bit)
#define PIN_B(bit) (16 + (bit))
#define PIN_C(bit) (32 + (bit))
#define PIN_D(bit) (48 + (bit))
#define PIN_E(bit) (64 + (bit))
#define PIN_F(bit) (80 + (bit))
#define PIN_G(bit) (96 + (bit))

/* What a family brought up; it may be less than the board's clock_hz if a crystal did not start. */
typedef struct {
    uint32_t core_hz;
    uint32_t uart_hz; /* clock of the serial port */
} hal_clocks_t;

/* Family: start clocks, give the serial port its clock and pins, make the marks' pins outputs. */
hal_clocks_t family_start(void);

/* Family: whether an emulator runs the code; may be asked before family_start(). */
bool family_emulated(void);

/* Family: drive an output; `pin` is numbered by the family.  Only where a board has marks. */
void family_pin_write(uint32_t pin, bool high);

/* Serial: bring up the link; also provides hal_read(), hal_write(), hal_flush() and hal_idle(). */
void serial_start(uint32_t uart_hz);

/* Uart: on, at HAL_BAUD, 8 data bits, no parity, 1 stop bit, receive interrupt on. */
void uart_start(uint32_t clock_hz);

/*
 * Uart: take a byte; false when none waits.  Adds to `*lost` what the receiver lost.  Runs with
 * interrupts off, and leaves no interrupt asking when none waits.
 */
bool uart_take(uint8_t *byte, uint32_t *lost);

/* Uart: hand a byte over; false when there is no room. */
bool uart_put(uint8_t byte);

/* Uart: whether all bytes have left, the last stop bit included where the port can tell. */
bool uart_sent(void);

/* Uart: receive interrupt on or off. */
void uart_listen(bool on);

/* What a counter counts: hal_info_t says what the fields mean. */
typedef struct {
    uint8_t kind;
    uint32_t hz;
} hal_counter_t;

/* Counter: run, with the core at `core_hz`; also provides hal_counter(), hal_measure_begin/end(). */
hal_counter_t counter_start(uint32_t core_hz);

/* Counter: stop while the core sleeps, because a running timer keeps an idle emulator busy. */
void counter_run(bool run);

#endif
