/*
 * link_shim.c - the framing of firmware/app/link.c in one call each, for tests in Python.
 */
#include <string.h>

#include "app/link.h"

size_t shim_encode(const uint8_t *packet, size_t count, uint8_t *wire);
size_t shim_decode(const uint8_t *wire, size_t count, uint32_t capacity, uint8_t *events,
                   uint32_t *counts, uint8_t *packets);

/* Frame a packet that has its CRC; returns the bytes written to `wire`, delimiter included. */
size_t shim_encode(const uint8_t *packet, size_t count, uint8_t *wire)
{
    uint8_t block[255];
    size_t position = 0;
    size_t written = 0;
    size_t size;

    while ((size = app_encode_block(packet, count, &position, block)) != 0) {
        memcpy(wire + written, block, size);
        written += size;
    }
    wire[written++] = 0;
    return written;
}

/*
 * Decode bytes; per event its code and the packet's size without CRC (0 unless it is sound), and
 * all sound packets one after the other.  Returns the number of events.  Each buffer has room for
 * `count` entries.
 */
size_t shim_decode(const uint8_t *wire, size_t count, uint32_t capacity, uint8_t *events,
                   uint32_t *counts, uint8_t *packets)
{
    static uint8_t buffer[65536];
    app_decoder_t decoder;
    size_t found = 0;
    size_t written = 0;

    app_decoder_init(&decoder, buffer, capacity);
    for (size_t i = 0; i < count; i++) {
        const app_link_event_t event = app_decoder_push(&decoder, wire[i]);

        if (event != APP_LINK_NOTHING) {
            events[found] = (uint8_t)event;
            counts[found] = event == APP_LINK_PACKET ? decoder.count : 0u;
            memcpy(packets + written, buffer, counts[found]);
            written += counts[found];
            found++;
        }
    }
    return found;
}
