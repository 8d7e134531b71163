/*
 * rp2040_boot2.S - second stage of RP2040's boot (data sheet 2.8.1.3): its ROM copies the first 256
 * bytes of the flash to RAM, checks their CRC-32 and runs them.
 *
 * Sets up execution in place by Fast Read Quad I/O (EBh) in continuous read mode for flash memories
 * that keep the quad enable bit in status register 2, bit 1: Winbond W25Q16JV (data sheet 7.1.4,
 * 8.2.12) on the Raspberry Pi Pico.  SSI: RP2040 data sheet 4.10.13.
 *
 * After a change, put the checksum that tests/test_silicon.py tells into the last word.
 */
    .syntax unified
    .cpu    cortex-m0plus
    .thumb

    .equ SSI, 0x18000000
    .equ SSI_CTRLR0, 0x00
    .equ SSI_CTRLR1, 0x04
    .equ SSI_SSIENR, 0x08
    .equ SSI_BAUDR, 0x14
    .equ SSI_SR, 0x28
    .equ SSI_DR0, 0x60
    .equ SSI_RX_SAMPLE_DLY, 0xF0
    .equ SSI_SPI_CTRLR0, 0xF4
    .equ PADS_QSPI, 0x40020000

    .equ CMD_WRITE_STATUS, 0x01
    .equ CMD_READ_STATUS1, 0x05
    .equ CMD_WRITE_ENABLE, 0x06
    .equ CMD_READ_STATUS2, 0x35
    .equ CMD_QUAD_READ, 0xEB
    .equ MODE_CONTINUOUS, 0xA0
    .equ STATUS2_QUAD, 0x02

    .section .boot, "ax"
    .global hal_boot2
    .type hal_boot2, %function
    .thumb_func
hal_boot2:
    ldr     r3, =PADS_QSPI
    movs    r0, #0x21               /* clock: 8 mA, fast, no input */
    str     r0, [r3, #4]
    ldr     r0, [r3, #8]            /* data: no hysteresis, which costs time */
    movs    r1, #2
    bics    r0, r1
    str     r0, [r3, #8]
    str     r0, [r3, #12]
    str     r0, [r3, #16]
    str     r0, [r3, #20]

    ldr     r3, =SSI
    movs    r1, #0
    str     r1, [r3, #SSI_SSIENR]
    movs    r1, #4                  /* a quarter of the system clock */
    str     r1, [r3, #SSI_BAUDR]
    movs    r1, #1                  /* sample one cycle later: pads and board take time */
    movs    r2, #SSI_RX_SAMPLE_DLY
    str     r1, [r3, r2]
    ldr     r1, =0x00070000         /* 8 bits, one line, transmit and receive */
    str     r1, [r3, #SSI_CTRLR0]
    movs    r1, #1
    str     r1, [r3, #SSI_SSIENR]

    movs    r0, #CMD_READ_STATUS2
    bl      read_status
    cmp     r0, #STATUS2_QUAD
    beq     1f
    movs    r1, #CMD_WRITE_ENABLE
    str     r1, [r3, #SSI_DR0]
    bl      wait_ready
    ldr     r1, [r3, #SSI_DR0]
    movs    r1, #CMD_WRITE_STATUS
    str     r1, [r3, #SSI_DR0]
    movs    r0, #0
    str     r0, [r3, #SSI_DR0]
    movs    r2, #STATUS2_QUAD
    str     r2, [r3, #SSI_DR0]
    bl      wait_ready
    ldr     r1, [r3, #SSI_DR0]
    ldr     r1, [r3, #SSI_DR0]
    ldr     r1, [r3, #SSI_DR0]
0:  movs    r0, #CMD_READ_STATUS1   /* until the write has ended */
    bl      read_status
    movs    r1, #1
    tst     r0, r1
    bne     0b
1:
    movs    r1, #0                  /* the first quad read names the command and the mode */
    str     r1, [r3, #SSI_SSIENR]
    ldr     r1, =0x005F0300         /* quad, 32 bits, EEPROM read */
    str     r1, [r3, #SSI_CTRLR0]
    movs    r1, #0
    str     r1, [r3, #SSI_CTRLR1]
    ldr     r1, =0x00002221         /* 4 wait cycles, 8-bit command on 1 line, 32 of address on 4 */
    ldr     r0, =SSI + SSI_SPI_CTRLR0
    str     r1, [r0]
    movs    r1, #1
    str     r1, [r3, #SSI_SSIENR]
    movs    r1, #CMD_QUAD_READ
    str     r1, [r3, #SSI_DR0]
    movs    r1, #MODE_CONTINUOUS
    str     r1, [r3, #SSI_DR0]
    bl      wait_ready

    movs    r1, #0                  /* from now on addresses only */
    str     r1, [r3, #SSI_SSIENR]
    ldr     r1, =0xA0002022         /* mode bits A0h, no command, address on 4 lines */
    str     r1, [r0]
    movs    r1, #1
    str     r1, [r3, #SSI_SSIENR]

    ldr     r0, =hal_vectors
    ldr     r1, =0xE000ED08         /* VTOR */
    str     r0, [r1]
    ldr     r1, [r0]
    msr     msp, r1
    ldr     r0, [r0, #4]
    bx      r0

/* Send the command in r0, return the byte after it; keeps r3. */
read_status:
    mov     r4, lr
    str     r0, [r3, #SSI_DR0]
    str     r0, [r3, #SSI_DR0]
    bl      wait_ready
    ldr     r0, [r3, #SSI_DR0]
    ldr     r0, [r3, #SSI_DR0]
    bx      r4

/* Until the transmitter is empty and idle; uses r1, r2. */
wait_ready:
    ldr     r1, [r3, #SSI_SR]
    movs    r2, #4                  /* transmit FIFO empty */
    tst     r1, r2
    beq     wait_ready
    movs    r2, #1                  /* busy */
    tst     r1, r2
    bne     wait_ready
    bx      lr

    .ltorg
    .org    252
    .word   0x621675D3              /* CRC-32 of the 252 bytes before it */
    .size hal_boot2, . - hal_boot2
