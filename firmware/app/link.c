#include "link.h"

#include "protocol.h"

void app_put_u16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

void app_put_u32(uint8_t *bytes, uint32_t value)
{
    app_put_u16(bytes, value);
    app_put_u16(bytes + 2, value >> 16);
}

uint16_t app_get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | (uint32_t)bytes[1] << 8);
}

uint32_t app_get_u32(const uint8_t *bytes)
{
    return app_get_u16(bytes) | (uint32_t)app_get_u16(bytes + 2) << 16;
}

uint32_t app_crc32(const uint8_t *bytes, size_t count)
{
    static const uint32_t table[16] = { /* of four bits at a time */
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
        0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
        0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };
    uint32_t crc = 0xFFFFFFFFu;

    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15u];
        crc = crc >> 4 ^ table[crc & 15u];
    }
    return ~crc;
}

void app_decoder_init(app_decoder_t *decoder, uint8_t *packet, uint32_t capacity)
{
    *decoder = (app_decoder_t){.packet = packet, .capacity = capacity};
}

static void append(app_decoder_t *decoder, uint8_t byte)
{
    if (decoder->count < decoder->capacity) {
        decoder->packet[decoder->count] = byte;
        decoder->count++;
    } else {
        decoder->overflow = true;
    }
}

static app_link_event_t finish(app_decoder_t *decoder)
{
    const uint32_t count = decoder->count;
    uint32_t told;

    if (!decoder->started) {
        return APP_LINK_NOTHING;
    }
    if (decoder->overflow) {
        return APP_LINK_LONG;
    }
    if (decoder->left != 0) {
        return APP_LINK_STUFFING;
    }
    if (count < APP_PACKET_OVERHEAD) {
        return APP_LINK_SHORT;
    }
    decoder->count = count - APP_PACKET_CRC;
    told = app_get_u32(decoder->packet + decoder->count);
    return app_crc32(decoder->packet, decoder->count) == told ? APP_LINK_PACKET : APP_LINK_CRC;
}

app_link_event_t app_decoder_push(app_decoder_t *decoder, uint8_t byte)
{
    if (byte == 0) {
        const app_link_event_t event = finish(decoder);

        decoder->started = false;
        decoder->code = 0;
        decoder->left = 0;
        decoder->overflow = false;
        return event;
    }
    if (!decoder->started) {
        decoder->count = 0;
        decoder->started = true;
    }
    if (decoder->left != 0) {
        append(decoder, byte);
        decoder->left--;
        return APP_LINK_NOTHING;
    }
    if (decoder->code != 0 && decoder->code != 0xFF) {
        append(decoder, 0);
    }
    decoder->code = byte;
    decoder->left = (uint8_t)(byte - 1);
    return APP_LINK_NOTHING;
}

size_t app_encode_block(const uint8_t *packet, size_t count, size_t *position, uint8_t block[255])
{
    const size_t start = *position;
    size_t run = 0;

    if (start > count) {
        return 0;
    }
    while (run < 254 && start + run < count && packet[start + run] != 0) {
        block[1 + run] = packet[start + run];
        run++;
    }
    block[0] = (uint8_t)(run + 1);
    if (run == 254 && start + run < count) {
        *position = start + run; /* a full block stands for no zero */
    } else {
        *position = start + run + 1; /* past the zero, real or that of the end */
    }
    return run + 1;
}
