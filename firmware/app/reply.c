#include "reply.h"

#include <string.h>

#include "link.h"

void app_reply_begin(app_reply_t *reply, uint8_t type, uint16_t sequence)
{
    reply->packet[0] = type;
    app_put_u16(reply->packet + 1, sequence);
    reply->count = APP_PACKET_HEADER;
}

uint32_t app_reply_room(const app_reply_t *reply)
{
    return reply->capacity - APP_PACKET_CRC - reply->count;
}

uint8_t *app_reply_reserve(app_reply_t *reply, uint32_t count)
{
    uint8_t *place = reply->packet + reply->count;

    if (count > app_reply_room(reply)) {
        return NULL;
    }
    reply->count += count;
    return place;
}

void app_reply_return(app_reply_t *reply, uint32_t count)
{
    reply->count -= count;
}

void app_reply_bytes(app_reply_t *reply, const uint8_t *bytes, uint32_t count)
{
    uint8_t *place = app_reply_reserve(reply, count);

    if (place != NULL) {
        memcpy(place, bytes, count);
    }
}

void app_reply_u8(app_reply_t *reply, uint32_t value)
{
    const uint8_t byte = (uint8_t)value;

    app_reply_bytes(reply, &byte, 1);
}

void app_reply_u16(app_reply_t *reply, uint32_t value)
{
    uint8_t bytes[2];

    app_put_u16(bytes, value);
    app_reply_bytes(reply, bytes, sizeof bytes);
}

void app_reply_u32(app_reply_t *reply, uint32_t value)
{
    uint8_t bytes[4];

    app_put_u32(bytes, value);
    app_reply_bytes(reply, bytes, sizeof bytes);
}

void app_reply_text(app_reply_t *reply, const char *text, uint32_t limit)
{
    uint32_t length = 0;

    while (length < limit && text[length] != '\0') {
        length++;
    }
    app_reply_u8(reply, length);
    app_reply_bytes(reply, (const uint8_t *)text, length);
}

void app_reply_seal(app_reply_t *reply)
{
    app_put_u32(reply->packet + reply->count, app_crc32(reply->packet, reply->count));
    reply->count += APP_PACKET_CRC;
}
