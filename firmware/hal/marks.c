/*
 * marks.c - pins that a power analyser or an oscilloscope looks at, where the board names them:
 *   HAL_PIN_INFERENCE  high while a frame is computed
 *   HAL_PIN_BUSY       high while the core is awake
 */
#include "hal.h"
#include "parts.h"

void hal_mark(uint8_t mark, bool on)
{
#ifdef HAL_PIN_INFERENCE
    if (mark == HAL_MARK_INFERENCE) {
        family_pin_write(HAL_PIN_INFERENCE, on);
    }
#endif
#ifdef HAL_PIN_BUSY
    if (mark == HAL_MARK_BUSY) {
        family_pin_write(HAL_PIN_BUSY, on);
    }
#endif
    (void)mark;
    (void)on;
}
