/*
 * semihosting.h - what an emulator does for the firmware when asked (Arm, Semihosting for AArch32
 * and AArch64).
 */
#ifndef HAL_SEMIHOSTING_H
#define HAL_SEMIHOSTING_H

#include <stdint.h>

enum {
    SEMIHOSTING_OPEN = 0x01,         /* name, mode, length of the name: a handle, or -1 */
    SEMIHOSTING_WRITE = 0x05,        /* handle, bytes, count: how many were not written */
    SEMIHOSTING_READ = 0x06,         /* handle, bytes, count: how many were not read */
    SEMIHOSTING_GET_CMDLINE = 0x15,  /* text, its room: 0, or -1 */
    SEMIHOSTING_EXIT_EXTENDED = 0x20 /* reason, code: does not return */
};

/* The words that an operation takes; it may write to them. */
typedef struct {
    uint32_t words[3];
} semihosting_arguments_t;

static inline uint32_t semihosting_address(const void *object)
{
    return (uint32_t)(uintptr_t)object;
}

static inline int32_t semihosting(uint32_t operation, semihosting_arguments_t arguments)
{
    register uint32_t r0 __asm("r0") = operation;
    register uint32_t *r1 __asm("r1") = arguments.words;

    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

#endif
