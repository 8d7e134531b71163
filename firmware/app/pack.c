#include "pack.h"

#include <string.h>

#include "link.h"

enum {
    BLOCK = 32,     /* samples that share one width */
    WIDTH_MAX = 15, /* it fits four bits */
    CHUNK_BITS = 16 /* most bits that are put at once */
};

/* Bits to bytes, the first bit is the highest of its byte. */
typedef struct {
    uint8_t *bytes;
    size_t capacity;
    size_t count;
    uint32_t held; /* bits that fill no byte yet, the last ones lowest */
    uint32_t bits; /* how many: 0 to 7 between calls */
    bool overflow;
} writer_t;

typedef struct {
    const uint8_t *bytes;
    size_t size;
    size_t count;
    uint32_t held;
    uint32_t bits;
    bool underflow;
} reader_t;

/* `width` is 1 to CHUNK_BITS. */
static void put(writer_t *writer, uint32_t value, uint32_t width)
{
    writer->held = writer->held << width | value;
    writer->bits += width;
    while (writer->bits >= 8u) {
        writer->bits -= 8u;
        if (writer->count < writer->capacity) {
            writer->bytes[writer->count] = (uint8_t)(writer->held >> writer->bits);
            writer->count++;
        } else {
            writer->overflow = true;
        }
    }
    writer->held &= 0xFFu;
}

static void put_low(writer_t *writer, uint32_t number, uint32_t width)
{
    if (width != 0) {
        put(writer, number & ((1u << width) - 1u), width);
    }
}

/* That many zeros, then a one. */
static void put_high(writer_t *writer, uint32_t number, uint32_t width)
{
    uint32_t zeros = number >> width;

    while (zeros >= CHUNK_BITS && !writer->overflow) {
        put(writer, 0, CHUNK_BITS);
        zeros -= CHUNK_BITS;
    }
    if (!writer->overflow) {
        put(writer, 1, zeros + 1u);
    }
}

/* Fill the last byte with zeros; returns the bytes written, 0 when they did not fit. */
static size_t finish(writer_t *writer)
{
    if (writer->bits != 0) {
        put(writer, 0, 8u - writer->bits);
    }
    return writer->overflow ? 0 : writer->count;
}

static uint32_t get_bit(reader_t *reader)
{
    if (reader->bits == 0) {
        if (reader->count == reader->size) {
            reader->underflow = true;
            return 1; /* ends every run of zeros */
        }
        reader->held = reader->bytes[reader->count];
        reader->count++;
        reader->bits = 8;
    }
    reader->bits--;
    return reader->held >> reader->bits & 1u;
}

static uint32_t get_low(reader_t *reader, uint32_t width)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < width; i++) {
        value = value << 1 | get_bit(reader);
    }
    return value;
}

static uint32_t get_high(reader_t *reader)
{
    uint32_t zeros = 0;

    while (get_bit(reader) == 0) {
        zeros++;
    }
    return zeros;
}

/* Nothing is missing, and nothing is left but the zeros that fill the last byte. */
static bool is_exhausted(reader_t *reader)
{
    const bool whole = !reader->underflow && reader->count == reader->size;

    return whole && get_low(reader, reader->bits) == 0;
}

/* The width that makes `count` numbers with this sum shortest, or nearly so. */
static uint32_t width_for(uint32_t sum, uint32_t count)
{
    uint32_t width = 0;

    while (width < WIDTH_MAX && (sum >> width) >= 2u * count) {
        width++;
    }
    return width;
}

/* ---- audio ----------------------------------------------------------------------------------- */

/* What the samples before the i-th let expect: the polynomial through the last `order` of them. */
static int32_t expected(const int16_t *x, size_t i, uint32_t order)
{
    switch (i < order ? (uint32_t)i : order) {
    case 0:
        return 0;
    case 1:
        return x[i - 1];
    case 2:
        return 2 * x[i - 1] - x[i - 2];
    default:
        return 3 * (x[i - 1] - x[i - 2]) + x[i - 3];
    }
}

/* Signed numbers as 0, -1, 1, -2, 2 ... */
static uint32_t folded(const int16_t *x, size_t i, uint32_t order)
{
    const int32_t rest = x[i] - expected(x, i, order);

    return rest < 0 ? 2u * (uint32_t)(-(rest + 1)) + 1u : 2u * (uint32_t)rest;
}

/* No overflow: a folded number is below 2^20. */
static uint32_t sum_of(const int16_t *x, size_t from, size_t to, uint32_t order)
{
    uint32_t sum = 0;

    for (size_t i = from; i < to; i++) {
        sum += folded(x, i, order);
    }
    return sum;
}

static uint32_t best_order(const int16_t *x, size_t count)
{
    uint32_t best = 0;
    uint32_t least = UINT32_MAX;

    for (uint32_t order = 0; order < APP_PACK_ORDERS; order++) {
        const uint32_t sum = sum_of(x, 0, count, order);

        if (sum < least) {
            least = sum;
            best = order;
        }
    }
    return best;
}

/* Width of the block that sample `i` is in, from the list that packed audio begins with. */
static uint32_t width_at(const uint8_t *widths, size_t i)
{
    const size_t block = i / BLOCK;

    return (uint32_t)widths[block / 2u] >> (block % 2u == 0 ? 4u : 0u) & 15u;
}

static size_t width_bytes(size_t count)
{
    return (count + 2u * BLOCK - 1u) / (2u * BLOCK);
}

static void put_widths(writer_t *writer, const int16_t *x, size_t count, uint32_t order)
{
    for (size_t start = 0; start < count; start += BLOCK) {
        const size_t end = count - start < BLOCK ? count : start + BLOCK;

        put(writer, width_for(sum_of(x, start, end, order), (uint32_t)(end - start)), 4);
    }
    if (writer->bits != 0) {
        put(writer, 0, 4);
    }
}

static size_t pack_coded(const int16_t *x, size_t count, uint32_t order, uint8_t *bytes)
{
    writer_t writer = {.bytes = bytes, .capacity = 2u * count - 1u}; /* shorter than plain */

    put_widths(&writer, x, count, order);
    for (size_t i = 0; i < count; i++) {
        put_low(&writer, folded(x, i, order), width_at(bytes, i));
    }
    for (size_t i = 0; i < count; i++) {
        put_high(&writer, folded(x, i, order), width_at(bytes, i));
    }
    return finish(&writer);
}

size_t app_pack_audio(const int16_t *samples, size_t count, uint8_t *bytes)
{
    const uint32_t order = best_order(samples, count);
    const size_t size = count == 0 ? 0 : pack_coded(samples, count, order, bytes + 1);

    if (size != 0) {
        bytes[0] = (uint8_t)order;
        return 1u + size;
    }
    bytes[0] = APP_PACK_PLAIN;
    for (size_t i = 0; i < count; i++) {
        app_put_u16(bytes + 1u + 2u * i, (uint16_t)samples[i]);
    }
    return 1u + 2u * count;
}

/* The samples hold the low bits of the numbers; put the rest on top and undo the prediction. */
static bool unfold(reader_t *reader, const uint8_t *widths, uint32_t order, int16_t *x, size_t count)
{
    for (size_t i = 0; i < count && !reader->underflow; i++) {
        const uint32_t high = get_high(reader);
        const uint32_t number = high << width_at(widths, i) | (uint16_t)x[i];
        int32_t value;

        if (high >> (20u - width_at(widths, i)) != 0) {
            return false; /* larger than any difference of samples */
        }
        value = (number & 1u) != 0 ? -(int32_t)(number >> 1) - 1 : (int32_t)(number >> 1);
        value += expected(x, i, order);
        if (value < INT16_MIN || value > INT16_MAX) {
            return false;
        }
        x[i] = (int16_t)value;
    }
    return true;
}

static bool unpack_coded(const uint8_t *bytes, size_t size, uint32_t order, int16_t *x, size_t count)
{
    reader_t reader = {.bytes = bytes, .size = size, .count = width_bytes(count)};

    if (size < reader.count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = (int16_t)get_low(&reader, width_at(bytes, i));
    }
    return unfold(&reader, bytes, order, x, count) && is_exhausted(&reader);
}

bool app_unpack_audio(const uint8_t *bytes, size_t size, int16_t *samples, size_t count)
{
    if (size == 0 || bytes[0] > APP_PACK_PLAIN) {
        return false;
    }
    if (bytes[0] != APP_PACK_PLAIN) {
        return unpack_coded(bytes + 1, size - 1u, bytes[0], samples, count);
    }
    if (size != 1u + 2u * count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        samples[i] = (int16_t)app_get_u16(bytes + 1u + 2u * i);
    }
    return true;
}

/* ---- gates ----------------------------------------------------------------------------------- */

/* The next changed bit from `bit` on; 8 * count when there is none. */
static size_t next_changed(const uint8_t *gates, const uint8_t *before, size_t count, size_t bit)
{
    while (bit < 8u * count) {
        const uint32_t changed = (uint32_t)(gates[bit / 8u] ^ before[bit / 8u]) >> bit % 8u;

        if ((changed & 1u) != 0) {
            return bit;
        }
        bit = changed == 0 ? (bit / 8u + 1u) * 8u : bit + 1u;
    }
    return 8u * count;
}

/* One plane of the gaps between changed bits. */
static void put_gaps(writer_t *writer, void (*put_part)(writer_t *, uint32_t, uint32_t),
                     uint32_t width, const uint8_t *gates, const uint8_t *before, size_t count)
{
    size_t start = 0;
    size_t bit;

    while ((bit = next_changed(gates, before, count, start)) < 8u * count) {
        put_part(writer, (uint32_t)(bit - start), width);
        start = bit + 1u;
    }
}

size_t app_pack_gates(const uint8_t *gates, const uint8_t *before, size_t count, uint8_t *bytes)
{
    writer_t writer = {.bytes = bytes + 1, .capacity = count == 0 ? 0 : count - 1u};
    uint32_t changes = 0;
    uint32_t sum = 0;
    uint32_t width;
    size_t start = 0;
    size_t bit;

    while ((bit = next_changed(gates, before, count, start)) < 8u * count) {
        sum += (uint32_t)(bit - start);
        changes++;
        start = bit + 1u;
    }
    width = changes == 0 ? 0 : width_for(sum, changes);
    put(&writer, changes, 16);
    put(&writer, width, 8);
    put_gaps(&writer, put_low, width, gates, before, count);
    put_gaps(&writer, put_high, width, gates, before, count);
    bytes[0] = APP_GATES_CHANGED;
    if (finish(&writer) != 0) {
        return 1u + writer.count;
    }
    bytes[0] = APP_GATES_PLAIN;
    memcpy(bytes + 1, gates, count);
    return 1u + count;
}
