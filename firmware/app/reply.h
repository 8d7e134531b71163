/*
 * reply.h - a packet that is being filled, bounded.
 */
#ifndef APP_REPLY_H
#define APP_REPLY_H

#include <stdint.h>

#include "engine.h"
#include "protocol.h"

enum {
    APP_FRAME_OUT = APP_PCM_BYTES > APP_OUTPUT_BYTES ? APP_PCM_BYTES : APP_OUTPUT_BYTES,
    APP_FRAME_IN = APP_PCM_BYTES > APP_INPUT_BYTES ? APP_PCM_BYTES : APP_INPUT_BYTES,
    APP_FRAME_REPLY = 12 + MODEL_GATE_BYTES + APP_FRAME_OUT + (MODEL_INSTRUMENTED ? 4 : 0),
    APP_FRAME_REQUEST = APP_FRAME_IN > 2 + MODEL_GATE_BYTES ? APP_FRAME_IN : 2 + MODEL_GATE_BYTES,
    APP_REPLY_PAYLOAD = APP_FRAME_REPLY > 512 ? APP_FRAME_REPLY : 512,
    APP_REQUEST_PAYLOAD = APP_FRAME_REQUEST > 64 ? APP_FRAME_REQUEST : 64,
    APP_REPLY_MAX = APP_REPLY_PAYLOAD + APP_PACKET_OVERHEAD,
    APP_REQUEST_MAX = APP_REQUEST_PAYLOAD + APP_PACKET_OVERHEAD
};

/* `count` bytes of `packet` are filled; once sealed this includes the CRC. */
typedef struct {
    uint32_t count;
    uint8_t packet[APP_REPLY_MAX];
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

/* Add the CRC; nothing may be added afterwards. */
void app_reply_seal(app_reply_t *reply);

#endif
