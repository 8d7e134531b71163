/*
 * fuzz_session.c - the device side of the protocol under arbitrary bytes (libFuzzer).
 *
 * Bit 0 of the first byte chooses: the rest goes to the link as it is, or it is cut into packets of
 * sound framing and checksum, so that the requests behind them are reached.
 *
 * Whatever comes, the board must never send more than it may: the largest answer for every packet,
 * all kept answers where it is asked for them.
 */
#include <stdlib.h>
#include <string.h>

#include "app/link.h"
#include "app/protocol.h"
#include "app/reply.h"
#include "app/session.h"
#include "hal_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PAYLOAD_MAX = 200,
    HEAD = 3, /* of a packet in the input: type, distance of its number from the next, bytes of payload */
    ANSWERS_MOST = (APP_WINDOW + 1) * (APP_REPLY_MAX + APP_REPLY_MAX / 254 + 2)
};

static const uint8_t HELLO[] = {APP_HELLO, 0, 0, 'S', 'L', 'I', 'M', 2, 0, 1, 2, 3, 4};

static void drop_answers(void)
{
    static uint8_t bytes[ANSWERS_MOST + 1];

    if (memory_take(bytes, sizeof bytes) > ANSWERS_MOST) {
        abort();
    }
}

static void feed_packet(const uint8_t *packet, size_t count)
{
    uint8_t sealed[PAYLOAD_MAX + APP_PACKET_OVERHEAD];
    uint8_t block[255];
    const uint8_t delimiter = 0;
    size_t position = 0;
    size_t size;

    memcpy(sealed, packet, count);
    app_put_u32(sealed + count, app_crc32(sealed, count));
    while ((size = app_encode_block(sealed, count + APP_PACKET_CRC, &position, block)) != 0) {
        memory_feed(block, size);
    }
    memory_feed(&delimiter, 1);
    drop_answers();
}

static void feed_packets(const uint8_t *data, size_t size)
{
    uint8_t packet[PAYLOAD_MAX + APP_PACKET_HEADER];
    uint16_t next = 1;

    feed_packet(HELLO, sizeof HELLO);
    while (size >= HEAD) {
        size_t count = data[2] % (PAYLOAD_MAX + 1);

        if (count > size - HEAD) {
            count = size - HEAD;
        }
        packet[0] = data[0];
        app_put_u16(packet + 1, (uint16_t)(next + data[1]));
        memcpy(packet + APP_PACKET_HEADER, data + HEAD, count);
        feed_packet(packet, count + APP_PACKET_HEADER);
        if (data[1] == 0 && data[0] != APP_NAK) {
            next++;
        }
        data += HEAD + count;
        size -= HEAD + count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    memory_start();
    if ((data[0] & 1u) != 0) {
        feed_packets(data + 1, size - 1);
    } else {
        for (size_t i = 1; i < size; i++) {
            memory_feed(data + i, 1);
            drop_answers();
        }
    }
    return 0;
}
