/*
 * pack.h - lossless coding of audio and gates, so that more frames fit through a slow link.
 *
 * Both write numbers as Rice codes in two planes: first the low bits of all numbers, which have a
 * fixed width, then what is above them in unary.  docs/protocol.md has the bits.  What does not get
 * shorter is sent as it is.
 */
#ifndef APP_PACK_H
#define APP_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First byte of packed audio: order of the predictor, 0 to APP_PACK_ORDERS - 1, or this. */
enum { APP_PACK_ORDERS = 4, APP_PACK_PLAIN = 4 };

/* First byte of packed gates. */
enum { APP_GATES_PLAIN = 0, APP_GATES_CHANGED = 1 };

/* Pack `count` samples, at most 2048; returns the bytes written to `bytes`, at most 1 + 2 * count. */
size_t app_pack_audio(const int16_t *samples, size_t count, uint8_t *bytes);

/* Unpack exactly `count` samples; false if `bytes` do not hold them.  Any bytes are safe. */
bool app_unpack_audio(const uint8_t *bytes, size_t size, int16_t *samples, size_t count);

/*
 * Pack `count` gate bytes, at most 8191, as what changed since `before`; returns the bytes written
 * to `bytes`, at most 1 + count.
 */
size_t app_pack_gates(const uint8_t *gates, const uint8_t *before, size_t count, uint8_t *bytes);

#endif
