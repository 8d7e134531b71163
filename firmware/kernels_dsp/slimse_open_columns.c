#include "slimse_open_columns.h"

#include <arm_acle.h>
#include <string.h>

/* Words of an entry of a list of single columns; one list grows upwards, the other downwards. */
enum { ENTRY = 3, LOWER_STEP = ENTRY, UPPER_STEP = -ENTRY };

/* A list of single columns, two to an entry of two offsets and a word of two lanes. */
typedef struct {
    int32_t *entry;
    uint32_t half; /* of the entry that comes next, 0 or 1 */
} singles_t;

static inline uint32_t quad_at(const int8_t *input)
{
    uint32_t word;
    memcpy(&word, input, sizeof word);
    return word;
}

/* The last columns, filled up with zeros as the tensor has them. */
static inline uint32_t last_quad(const int8_t *input, uint32_t columns, int32_t offset)
{
    int8_t last[4];
    memset(last, -offset, sizeof last);
    memcpy(last, input, columns);
    return quad_at(last);
}

static inline uint32_t in_every_byte(int32_t value)
{
    return (uint32_t)(uint8_t)value * 0x01010101U;
}

static inline uint32_t in_both_lanes(int32_t value)
{
    return (uint32_t)(uint16_t)value * 0x00010001U;
}

/* Columns 0 and 2 of a quad less their zero point. */
static inline uint32_t even_lanes(uint32_t quad, uint32_t offsets)
{
    return (uint32_t)__sxtab16((int16x2_t)offsets, (int8x4_t)quad);
}

/* Columns 1 and 3. */
static inline uint32_t odd_lanes(uint32_t quad, uint32_t offsets)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(offsets), "r"(quad));
    return result;
}

int32_t *slimse_lanes(const int8_t *input, uint32_t columns, int32_t offset, int32_t *lanes)
{
    const uint32_t offsets = in_both_lanes(offset);
    uint32_t left = columns;

    for (; left >= 8U; left -= 8U) {
        const uint32_t first = quad_at(input);
        const uint32_t second = quad_at(input + 4);
        lanes[0] = (int32_t)even_lanes(first, offsets);
        lanes[1] = (int32_t)odd_lanes(first, offsets);
        lanes[2] = (int32_t)even_lanes(second, offsets);
        lanes[3] = (int32_t)odd_lanes(second, offsets);
        lanes += 4;
        input += 8;
    }
    while (left > 0U) {
        const uint32_t count = left < 4U ? left : 4U;
        const uint32_t quad = last_quad(input, count, offset);
        lanes[0] = (int32_t)even_lanes(quad, offsets);
        lanes[1] = (int32_t)odd_lanes(quad, offsets);
        lanes += 2;
        input += count;
        left -= count;
    }
    return lanes;
}

/* 1 in the byte of each column that is not zero. */
static inline uint32_t ones_where_open(uint32_t quad, uint32_t zeros)
{
    uint32_t result;
    __asm__("uadd8 %0, %1, %2\n\tsel %0, %3, %4"
            : "=&r"(result)
            : "r"(quad ^ zeros), "r"(0xFFFFFFFFU), "r"(0x01010101U), "r"(0)
            : "cc");
    return result;
}

slimse_open_count_t slimse_count_open(const int8_t *input, uint32_t columns, int32_t offset)
{
    const uint32_t zeros = in_every_byte(-offset);
    slimse_open_count_t count = {0, 0};

    for (uint32_t left = columns; left > 0U;) {
        /* Bytes count up to 255 quads. */
        uint32_t turn = left < 1020U ? left : 1020U;
        uint32_t open = 0;
        uint32_t both = 0;

        left -= turn;
        for (; turn >= 4U; turn -= 4U) {
            const uint32_t ones = ones_where_open(quad_at(input), zeros);
            open += ones;
            both += ones & (ones >> 16);
            input += 4;
        }
        if (turn > 0U) {
            const uint32_t ones = ones_where_open(last_quad(input, turn, offset), zeros);
            open += ones;
            both += ones & (ones >> 16);
        }
        const uint32_t pairs = (both & 0xFFU) + ((both >> 8) & 0xFFU);
        count.singles += (uint32_t)__usad8((uint8x4_t)open, (uint8x4_t)0U) - 2U * pairs;
        count.both += pairs;
    }
    return count;
}

static inline void add_single(singles_t *list, int32_t step, int32_t offset, uint32_t lane)
{
    int16_t *const lanes = (int16_t *)(void *)&list->entry[2];

    list->entry[list->half] = offset;
    lanes[list->half] = (int16_t)lane;
    list->entry += list->half != 0U ? step : 0;
    list->half ^= 1U;
}

/* Fill the list up to an even number of entries with columns that are zero; */
static void finish(singles_t *list, int32_t step, const int32_t *begin)
{
    while (list->half != 0U || ((list->entry - begin) & 1) != 0) {
        add_single(list, step, 0, 0);
    }
}

slimse_paired_lists_t slimse_list_open(const int8_t *input, uint32_t columns, int32_t offset,
                                       slimse_open_count_t most, int32_t *room)
{
    const uint32_t offsets = in_both_lanes(offset);
    const uint32_t zeros = in_every_byte(-offset);
    int32_t *const first_lower = room + 2U * (most.both + 1U);
    int32_t *const first_upper = first_lower + 3U * (most.singles / 2U + 2U);
    int32_t *both = room;
    singles_t lower = {first_lower, 0};
    singles_t upper = {first_upper, 0};
    int32_t at = 0;

    for (uint32_t left = columns; left > 0U;) {
        const uint32_t count = left < 4U ? left : 4U;
        const uint32_t quad = count == 4U ? quad_at(input) : last_quad(input, count, offset);

        input += count;
        left -= count;
        if (quad != zeros) {
            for (uint32_t odd = 0; odd < 2U; odd++) {
                const uint32_t lanes = odd != 0U ? odd_lanes(quad, offsets) : even_lanes(quad, offsets);
                const int32_t here = at + (int32_t)(odd * 8U);

                if (lanes >> 16 == 0U) {
                    if (lanes != 0U) {
                        add_single(&lower, LOWER_STEP, here, lanes);
                    }
                } else if ((lanes & 0xFFFFU) == 0U) {
                    add_single(&upper, UPPER_STEP, here, lanes >> 16);
                } else {
                    both[0] = here;
                    both[1] = (int32_t)lanes;
                    both += 2;
                }
            }
        }
        at += 16;
    }
    if ((both - room) % 4 != 0) {
        both[0] = 0;
        both[1] = 0;
        both += 2;
    }
    finish(&lower, LOWER_STEP, first_lower);
    finish(&upper, UPPER_STEP, first_upper);
    const slimse_paired_lists_t lists = {
        room, both, first_lower, lower.entry, first_upper + ENTRY, upper.entry + ENTRY,
    };
    return lists;
}
