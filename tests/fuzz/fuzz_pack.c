/*
 * fuzz_pack.c - packed audio and gates from arbitrary bytes (libFuzzer).
 *
 * What unpacks must be packed again to the same samples, and whatever is packed must unpack, in no
 * more bytes than were promised.
 */
#include <stdlib.h>
#include <string.h>

#include "app/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLES_MOST = 512, GATE_BYTES_MOST = 256 };

static void check(bool sound)
{
    if (!sound) {
        abort();
    }
}

static void round_trip(const int16_t *samples, size_t count)
{
    static uint8_t packed[1 + 2 * SAMPLES_MOST];
    static int16_t again[SAMPLES_MOST];
    const size_t size = app_pack_audio(samples, count, packed);

    check(size >= 1 && size <= 1 + 2 * count);
    check(app_unpack_audio(packed, size, again, count));
    check(memcmp(samples, again, count * sizeof *samples) == 0);
}

static void unpack(const uint8_t *data, size_t size, size_t count)
{
    static int16_t samples[SAMPLES_MOST];

    if (app_unpack_audio(data, size, samples, count)) {
        round_trip(samples, count);
    }
}

static void pack(const uint8_t *data, size_t size)
{
    static int16_t samples[SAMPLES_MOST];
    const size_t count = size / 2 < SAMPLES_MOST ? size / 2 : SAMPLES_MOST;

    memcpy(samples, data, 2 * count);
    round_trip(samples, count);
}

static void pack_gates(const uint8_t *data, size_t size)
{
    static uint8_t packed[1 + GATE_BYTES_MOST];
    const size_t count = size / 2 < GATE_BYTES_MOST ? size / 2 : GATE_BYTES_MOST;
    const size_t used = app_pack_gates(data, data + count, count, packed);

    check(used >= 1 && used <= 1 + count);
}

/* The first two bytes choose what is done, and with how many samples. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        unpack(data + 2, size - 2, 1 + 2u * data[1]);
        break;
    case 1:
        pack(data + 2, size - 2);
        break;
    default:
        pack_gates(data + 2, size - 2);
        break;
    }
    return 0;
}
