/*
 * link.h - packets from bytes and bytes from packets: COBS framing and CRC-32.
 *
 * Nothing here touches hardware or knows what a packet means.  The decoder is a pure function of
 * its own state and one byte; no sequence of bytes makes it read or write outside its buffer.
 */
#ifndef APP_LINK_H
#define APP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a byte completed. */
typedef enum {
    APP_LINK_NOTHING = 0, /* the frame goes on, or an empty one ended */
    APP_LINK_PACKET,      /* a sound packet lies in the buffer */
    APP_LINK_STUFFING,    /* a damaged frame ended: a block is cut short */
    APP_LINK_CRC,         /* a damaged frame ended: the checksum differs */
    APP_LINK_LONG,        /* a frame ended that does not fit the buffer */
    APP_LINK_SHORT        /* a frame ended that is shorter than the smallest packet */
} app_link_event_t;

typedef struct {
    uint8_t *packet;   /* the caller's buffer */
    uint32_t capacity; /* its size in bytes */
    uint32_t count;    /* bytes of the packet so far; after APP_LINK_PACKET: without its CRC */
    uint8_t code;      /* code of the current COBS block, 0 before the first */
    uint8_t left;      /* bytes of the block still to come */
    bool started;      /* a frame is being received */
    bool overflow;     /* its packet is longer than the buffer */
} app_decoder_t;

/* Make a decoder that collects packets of at most `capacity` bytes, CRC included, in `packet`. */
void app_decoder_init(app_decoder_t *decoder, uint8_t *packet, uint32_t capacity);

/* Take one byte.  After any event but APP_LINK_NOTHING the next byte starts a new frame. */
app_link_event_t app_decoder_push(app_decoder_t *decoder, uint8_t byte);

/* CRC-32 of zlib (polynomial 0xEDB88320, start and end inverted). */
uint32_t app_crc32(const uint8_t *bytes, size_t count);

/*
 * Encode a packet block by block, so that no second buffer of its size is needed.
 *
 * `position` is 0 at first and moved on; encoding is complete when the function returns 0.  At most
 * 255 bytes go to `block`.  The frame still needs its delimiter, one zero byte.
 */
size_t app_encode_block(const uint8_t *packet, size_t count, size_t *position,
                        uint8_t block[255]);

/* Little-endian fields. */
void app_put_u16(uint8_t *bytes, uint32_t value);
void app_put_u32(uint8_t *bytes, uint32_t value);
uint16_t app_get_u16(const uint8_t *bytes);
uint32_t app_get_u32(const uint8_t *bytes);

#endif
