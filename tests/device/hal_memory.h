/*
 * hal_memory.h - a board without hardware, its link is memory: for tests of the application.
 */
#ifndef HAL_MEMORY_H
#define HAL_MEMORY_H

#include "hal.h"

/* Start the application over, as after a reset of the board. */
void memory_start(void);

/* Say that so many requests may be under way; 9 at first. */
void memory_grant(uint8_t window);

/* Let the application take bytes from its peer. */
void memory_feed(const uint8_t *bytes, size_t count);

/* Take what the application has sent, at most `capacity` bytes; returns how many. */
size_t memory_take(uint8_t *bytes, size_t capacity);

#endif
