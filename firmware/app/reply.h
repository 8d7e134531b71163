/*
 * reply.h - a packet that is being filled, bounded.
 */
#ifndef APP_REPLY_H
#define APP_REPLY_H

#include <stdint.h>

#include "engine.h"
#include "protocol.h"

enum {
    APP_PACKED_PCM = APP_PCM_BYTES + 1,       /* at most */
    APP_PACKED_GATES = 2 + 1 + MODEL_GATE_BYTES, /* at most, with their size */
    APP_FRAME_OUT = APP_PACKED_PCM > APP_OUTPUT_BYTES ? APP_PACKED_PCM : APP_OUTPUT_BYTES,
    APP_FRAME_IN = APP_PACKED_PCM > APP_INPUT_BYTES ? APP_PACKED_PCM : APP_INPUT_BYTES,
    APP_FRAME_REPLY = 12 + APP_PACKED_GATES + APP_FRAME_OUT + (MODEL_INSTRUMENTED ? 4 : 0),
    APP_GATES_REQUEST = 4 + MODEL_GATE_BYTES, /* with a limit */
    APP_FRAME_REQUEST = APP_FRAME_IN > APP_GATES_REQUEST ? APP_FRAME_IN : APP_GATES_REQUEST,
    APP_REPLY_PAYLOAD = APP_FRAME_REPLY > 512 ? APP_FRAME_REPLY : 512,
    APP_REQUEST_PAYLOAD = APP_FRAME_REQUEST > 64 ? APP_FRAME_REQUEST : 64,
    APP_REPLY_MAX = APP_REPLY_PAYLOAD + APP_PACKET_OVERHEAD,
    APP_REQUEST_MAX = APP_REQUEST_PAYLOAD + APP_PACKET_OVERHEAD
};

/* `count` bytes of `packet` are filled; once sealed this includes the CRC. */
typedef struct {
    uint8_t *packet;   /* the caller's buffer */
    uint32_t capacity; /* its size in bytes */
    uint32_t count;
} app_reply_t;

/* Start a packet. */
void app_reply_begin(app_reply_t *reply, uint8_t type, uint16_t sequence);

/* Add fields.  What does not fit is left out: who may fill it up asks app_reply_room(). */
void app_reply_u8(app_reply_t *reply, uint32_t value);
void app_reply_u16(app_reply_t *reply, uint32_t value);
void app_reply_u32(app_reply_t *reply, uint32_t value);
void app_reply_bytes(app_reply_t *reply, const uint8_t *bytes, uint32_t count);

/* Add a string: its length in one byte, then at most `limit` (up to 255) of its characters. */
void app_reply_text(app_reply_t *reply, const char *text, uint32_t limit);

/* Bytes of payload that still fit. */
uint32_t app_reply_room(const app_reply_t *reply);

/* Room for `count` bytes that the caller writes itself; NULL if they do not fit. */
uint8_t *app_reply_reserve(app_reply_t *reply, uint32_t count);

/* Give back the last `count` bytes that were reserved and not written. */
void app_reply_return(app_reply_t *reply, uint32_t count);

/* Add the CRC; nothing may be added afterwards. */
void app_reply_seal(app_reply_t *reply);

#endif
