/*
 * stm32f4.c - STM32F405/407 at 168 MHz, link on USART1 (PA9 transmits, PA10 receives).
 *
 * QEMU models the USART and the timers, but its cycle counter stands still.  So the firmware knows
 * where it runs:
 *   silicon   counts cycles (DWT); one request at a time, for the receiver holds one byte and
 *             computations keep interrupts off
 *   QEMU      counts instructions (TIM2, one tick per emulated nanosecond); requests may queue up,
 *             QEMU holds bytes back while the receiver is full
 */
#include "hal.h"

enum { HAL_RING_BYTES = 2048 }; /* on silicon the longest request and more */
#include "cortex_m.h"

typedef struct {
    volatile uint32_t cr, pllcfgr, cfgr, cir, unused_10[8];
    volatile uint32_t ahb1enr, ahb2enr, ahb3enr, unused_3c;
    volatile uint32_t apb1enr, apb2enr;
} rcc_t;

typedef struct {
    volatile uint32_t sr, dr, brr, cr1, cr2, cr3;
} usart_t;

typedef struct {
    volatile uint32_t moder, otyper, ospeedr, pupdr, idr, odr, bsrr, lckr, afr[2];
} gpio_t;

typedef struct {
    volatile uint32_t cr1, cr2, smcr, dier, sr, egr, ccmr1, ccmr2, ccer, cnt, psc, arr;
} timer_t;

static rcc_t *const RCC = (rcc_t *)0x40023800u;
static usart_t *const USART = (usart_t *)0x40011000u;
static gpio_t *const GPIOA = (gpio_t *)0x40020000u;
static timer_t *const TIM2 = (timer_t *)0x40000000u;
static volatile uint32_t *const FLASH_ACR = (volatile uint32_t *)0x40023C00u;
static volatile uint32_t *const DEMCR = (volatile uint32_t *)0xE000EDFCu;
static volatile uint32_t *const DWT_CTRL = (volatile uint32_t *)0xE0001000u;
static volatile uint32_t *const DWT_CYCCNT = (volatile uint32_t *)0xE0001004u;
static volatile uint32_t *const NVIC_ENABLE = (volatile uint32_t *)0xE000E100u;

enum {
    USART_IRQ = 37,
    SR_OVERRUN = 1u << 3,
    SR_RECEIVED = 1u << 5,
    SR_COMPLETE = 1u << 6,
    SR_EMPTY = 1u << 7,
    CR1_RUN = 1u << 13 | 1u << 5 | 1u << 3 | 1u << 2, /* on, receive interrupt, both directions */
    POLLS = 100000 /* bound of every wait for a clock, some milliseconds */
};

#define RCC_HSE_ON (1u << 16)
#define RCC_HSE_READY (1u << 17)
#define RCC_PLL_ON (1u << 24)
#define RCC_PLL_READY (1u << 25)
#define PLL_FROM_HSE (1u << 22)

static hal_ring_t ring;

static hal_info_t board_info;

static bool wait_for(const volatile uint32_t *word, uint32_t mask, uint32_t wanted)
{
    for (uint32_t i = 0; i < POLLS; i++) {
        if ((*word & mask) == wanted) {
            return true;
        }
    }
    return false;
}

/* 168 MHz from the crystal, or from the internal oscillator if the crystal does not start. */
static void start_clocks(void)
{
    uint32_t divider = 16u; /* of the internal oscillator, to 1 MHz */
    uint32_t source = 0;

    RCC->cr |= RCC_HSE_ON;
    if (wait_for(&RCC->cr, RCC_HSE_READY, RCC_HSE_READY)) {
        divider = HAL_HSE_HZ / 1000000u;
        source = PLL_FROM_HSE;
    }
    RCC->pllcfgr = divider | 336u << 6 | 0u << 16 | source | 7u << 24; /* 1 MHz * 336 / 2 */
    RCC->cr |= RCC_PLL_ON;
    *FLASH_ACR = 5u | 7u << 8; /* 5 wait states, prefetch and caches */
    RCC->cfgr = 5u << 10 | 4u << 13; /* APB1 a quarter, APB2 half of the core clock */
    if (wait_for(&RCC->cr, RCC_PLL_READY, RCC_PLL_READY)) {
        RCC->cfgr |= 2u;
        (void)wait_for(&RCC->cfgr, 3u << 2, 2u << 2);
    }
}

static void start_pins(void)
{
    RCC->ahb1enr |= 1u;       /* GPIOA */
    RCC->apb2enr |= 1u << 4;  /* USART1 */
    RCC->apb1enr |= 1u;       /* TIM2 */
    GPIOA->afr[1] = (GPIOA->afr[1] & ~0xFF0u) | 0x770u;
    GPIOA->moder = (GPIOA->moder & ~(0xFu << 18)) | 0xAu << 18;
    GPIOA->pupdr = (GPIOA->pupdr & ~(3u << 20)) | 1u << 20;
}

/* Start the cycle counter; tells whether it counts. */
static bool start_cycle_counter(void)
{
    uint32_t start;

    *DEMCR |= 1u << 24;
    *DWT_CTRL |= 1u;
    start = *DWT_CYCCNT;
    __asm volatile("nop\n nop\n nop\n nop");
    return *DWT_CYCCNT != start;
}

static void start_timer(void)
{
    TIM2->psc = 0;
    TIM2->cr1 = 1;
}

void hal_init(int argc, char **argv)
{
    const bool emulated = !start_cycle_counter();

    (void)argc;
    (void)argv;
    if (!emulated) {
        start_clocks();
    }
    start_pins();
    if (emulated) {
        start_timer();
    }
    board_info = (hal_info_t){
        .board = HAL_BOARD,
        .clock_hz = HAL_CLOCK_HZ,
        .counter_hz = emulated ? HAL_COUNTER_HZ : 0u,
        .counter_kind = emulated ? HAL_COUNTER_INSTRUCTIONS : HAL_COUNTER_CYCLES,
        .window = emulated ? 4 : 1,
        .duplex = 1,
    };
    USART->brr = (HAL_CLOCK_HZ / 2u + HAL_BAUD / 2u) / HAL_BAUD;
    USART->cr1 = CR1_RUN;
    NVIC_ENABLE[USART_IRQ / 32] = 1u << (USART_IRQ % 32);
}

const hal_info_t *hal_info(void)
{
    return &board_info;
}

/* Move what waits in the receiver to the ring.  Runs with interrupts off. */
static void drain(void)
{
    uint32_t status;

    while (((status = USART->sr) & SR_RECEIVED) != 0u) {
        if (hal_ring_full(&ring) && board_info.window > 1) {
            ring.stalled = true;
            USART->cr1 = CR1_RUN & ~(1u << 5); /* or this interrupt would come for ever */
            break;
        }
        ring.lost += (status & SR_OVERRUN) != 0u ? 1u : 0u;
        if (hal_ring_full(&ring)) {
            (void)USART->dr;
            ring.lost++;
        } else {
            hal_ring_put(&ring, (uint8_t)USART->dr);
        }
    }
}

void hal_interrupt(void)
{
    drain();
    if ((USART->sr & (SR_OVERRUN | SR_RECEIVED)) == SR_OVERRUN) {
        (void)USART->dr; /* clears the overrun */
        ring.lost++;
    }
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const size_t count = hal_ring_take(&ring, bytes, capacity);

    if (ring.stalled) {
        ring.stalled = false;
        USART->cr1 = CR1_RUN;
    }
    return count;
}

size_t hal_write(const uint8_t *bytes, size_t count)
{
    size_t sent = 0;

    while (sent < count && (USART->sr & SR_EMPTY) != 0u) {
        USART->dr = bytes[sent++];
    }
    return sent;
}

void hal_flush(void)
{
    while ((USART->sr & SR_COMPLETE) == 0u) {
    }
}

void hal_idle(void)
{
    hal_interrupts_off(); /* a pending interrupt ends wfi all the same: no wake-up is missed */
    if (ring.head == ring.tail && !ring.stalled) {
        __asm volatile("dsb\n wfi" ::: "memory");
    }
    hal_interrupts_on();
}

uint32_t hal_lost_bytes(void)
{
    return ring.lost;
}

uint32_t hal_counter(void)
{
    return board_info.counter_kind == HAL_COUNTER_CYCLES ? *DWT_CYCCNT : TIM2->cnt;
}

void hal_measure_begin(void)
{
    hal_interrupts_off();
}

void hal_measure_end(void)
{
    hal_interrupts_on();
}
