/*
 * mps2.c - FPGA images of Arm's MPS2 and MPS3 boards, which clock and pins need no start for.
 */
#include "hal.h"
#include "parts.h"

hal_clocks_t family_start(void)
{
    return (hal_clocks_t){.core_hz = HAL_CLOCK_HZ, .uart_hz = HAL_CLOCK_HZ};
}

bool family_emulated(void)
{
    return true; /* these descriptions are of QEMU's machines */
}
