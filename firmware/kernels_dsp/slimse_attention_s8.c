#include "slimse_attention_s8.h"
#include "slimse_exp_lanes.h"
#include "slimse_lanes.h"
#include "slimse_open_columns.h"

enum { QUAD = 4 };

/* Keys, or values, that one query meets in the current frame or in past ones. */
typedef struct {
    const int8_t *first;
    uint32_t pitch; /* elements from one to the next */
    uint32_t count;
} rows_t;

/* A query: its lanes without zero point, zero behind its end. */
typedef struct {
    const int32_t *lanes;
    uint32_t size;
} query_t;

/* Store a score as two halves: weights of int16 take its place. */
static inline void store(int16_t *scores, int32_t value)
{
    memcpy(scores, &value, sizeof value);
}

static inline int32_t add_quad(int32_t sum, uint32_t key, uint32_t even, uint32_t odd)
{
    return slimse_multiply_lanes(slimse_odd_bytes(key), odd,
                                 slimse_multiply_lanes(slimse_even_bytes(key), even, sum));
}

/* The score of a key, whatever its size. */
static int32_t score_one(const query_t *query, const int8_t *key)
{
    const int32_t *lanes = query->lanes;
    uint32_t left = query->size;
    int32_t sum = 0;

    for (; left >= QUAD; left -= QUAD) {
        sum = add_quad(sum, slimse_load_word(key), (uint32_t)lanes[0], (uint32_t)lanes[1]);
        key += QUAD;
        lanes += 2;
    }
    if (left > 0U) {
        int8_t last[QUAD] = {0};
        for (uint32_t i = 0; i < left; i++) {
            last[i] = key[i];
        }
        sum = add_quad(sum, slimse_load_word(last), (uint32_t)lanes[0], (uint32_t)lanes[1]);
    }
    return sum;
}

static inline int32_t greater(int32_t first, int32_t second)
{
    return first > second ? first : second;
}

/* Store the score of each key from scores[0] on; the greatest, or highest if that is greater. */
static int32_t score(const query_t *query, const rows_t *keys, int16_t *scores, int32_t highest)
{
    const uint32_t pitch = keys->pitch;
    const int32_t *const begin = query->lanes;
    const int32_t *const end = begin + query->size / QUAD * 2U;
    const int8_t *key = keys->first;
    uint32_t left = query->size % QUAD == 0U ? keys->count : 0U;

    for (; left >= 4U; left -= 4U) {
        const int8_t *key0 = key;
        const int8_t *key1 = key0 + pitch;
        const int8_t *key2 = key1 + pitch;
        const int8_t *key3 = key2 + pitch;
        int32_t sum0 = 0;
        int32_t sum1 = 0;
        int32_t sum2 = 0;
        int32_t sum3 = 0;

        key = key3 + pitch;
        for (const int32_t *lanes = begin; lanes < end; lanes += 2) {
            const uint32_t even = (uint32_t)lanes[0];
            const uint32_t odd = (uint32_t)lanes[1];
            sum0 = add_quad(sum0, slimse_load_word(key0), even, odd);
            sum1 = add_quad(sum1, slimse_load_word(key1), even, odd);
            sum2 = add_quad(sum2, slimse_load_word(key2), even, odd);
            sum3 = add_quad(sum3, slimse_load_word(key3), even, odd);
            key0 += QUAD;
            key1 += QUAD;
            key2 += QUAD;
            key3 += QUAD;
        }
        store(scores, sum0);
        store(scores + 2, sum1);
        store(scores + 4, sum2);
        store(scores + 6, sum3);
        scores += 8;
        highest = greater(greater(highest, greater(sum0, sum1)), greater(sum2, sum3));
    }
    left = query->size % QUAD == 0U ? left : keys->count;
    for (; left > 0U; left--) {
        const int32_t sum = score_one(query, key);
        store(scores, sum);
        scores += 2;
        highest = greater(highest, sum);
        key += pitch;
    }
    return highest;
}

/* Sums of four channels. */
typedef struct {
    int32_t sum0;
    int32_t sum1;
    int32_t sum2;
    int32_t sum3;
} four_t;

/* Add the weighted values of four channels, two values at a time. */
static inline four_t add_weighted(four_t sums, const rows_t *values, uint32_t channel, const int16_t *weights)
{
    const uint32_t pitch = values->pitch;
    const int8_t *value = values->first + channel;
    uint32_t left = values->count;

    for (; left >= 2U; left -= 2U) {
        uint32_t both;
        memcpy(&both, weights, sizeof both);
        const uint32_t first = slimse_load_word(value);
        const uint32_t second = slimse_load_word(value + pitch);
        uint32_t from = slimse_even_bytes(first);
        uint32_t to = slimse_even_bytes(second);

        sums.sum0 = slimse_multiply_lanes(slimse_bottoms(from, to), both, sums.sum0);
        sums.sum2 = slimse_multiply_lanes(slimse_tops(from, to), both, sums.sum2);
        from = slimse_odd_bytes(first);
        to = slimse_odd_bytes(second);
        sums.sum1 = slimse_multiply_lanes(slimse_bottoms(from, to), both, sums.sum1);
        sums.sum3 = slimse_multiply_lanes(slimse_tops(from, to), both, sums.sum3);
        value += 2U * pitch;
        weights += 2;
    }
    if (left > 0U) {
        sums.sum0 += *weights * value[0];
        sums.sum1 += *weights * value[1];
        sums.sum2 += *weights * value[2];
        sums.sum3 += *weights * value[3];
    }
    return sums;
}

static int32_t add_weighted_channel(int32_t sum, const rows_t *values, uint32_t channel, const int16_t *weights)
{
    const int8_t *value = values->first + channel;

    for (uint32_t i = 0; i < values->count; i++) {
        sum += weights[i] * *value;
        value += values->pitch;
    }
    return sum;
}

/* The weighted mean of all values; the weights of the past ones come first. */
static void average(uint32_t size, const rows_t *past, const rows_t *current, const int16_t *weights, int32_t total,
                    int8_t *output)
{
    const int32_t half = total / 2;
    uint32_t channel = 0;

    for (; channel + QUAD <= size; channel += QUAD) {
        four_t sums = {0, 0, 0, 0};

        sums = add_weighted(sums, past, channel, weights);
        sums = add_weighted(sums, current, channel, &weights[past->count]);
        output[channel] = slimse_quotient(sums.sum0, total, half);
        output[channel + 1U] = slimse_quotient(sums.sum1, total, half);
        output[channel + 2U] = slimse_quotient(sums.sum2, total, half);
        output[channel + 3U] = slimse_quotient(sums.sum3, total, half);
    }
    for (; channel < size; channel++) {
        const int32_t sum = add_weighted_channel(0, past, channel, weights);
        output[channel] =
            slimse_quotient(add_weighted_channel(sum, current, channel, &weights[past->count]), total, half);
    }
}

uint32_t slimse_attention_s8(const slimse_attention_s8_t *layer, const int8_t *query, const int8_t *key,
                             const int8_t *key_ring, uint16_t key_next, const int8_t *value,
                             const int8_t *value_ring, uint16_t value_next, int16_t *scratch, int8_t *output)
{
    const uint32_t key_pitch = (uint32_t)layer->all_heads * layer->key_size;
    const uint32_t value_pitch = (uint32_t)layer->all_heads * layer->value_size;
    const uint32_t count = (uint32_t)layer->keys + layer->past;
    int32_t *const lanes = (int32_t *)(void *)(scratch + 2U * count);

    (void)key_next;
    (void)value_next;
    for (uint32_t position = 0; position < layer->positions; position++) {
        const uint32_t met = layer->along_time != 0U ? position : 0U;
        for (uint32_t head = layer->first_head; head < (uint32_t)layer->first_head + layer->heads; head++) {
            const uint32_t first_key = met * key_pitch + head * layer->key_size;
            const uint32_t first_value = met * value_pitch + head * layer->value_size;
            const rows_t keys = {&key[first_key], key_pitch, layer->keys};
            const rows_t values = {&value[first_value], value_pitch, layer->keys};
            const rows_t past_keys = {layer->past > 0U ? &key_ring[first_key] : key, layer->positions * key_pitch,
                                      layer->past};
            const rows_t past_values = {layer->past > 0U ? &value_ring[first_value] : value,
                                        layer->positions * value_pitch, layer->past};
            const int8_t *const own = &query[position * key_pitch + head * layer->key_size];
            const query_t asked = {lanes, layer->key_size};

            slimse_lanes(own, layer->key_size, layer->query_offset, lanes);
            int32_t highest = score(&asked, &past_keys, scratch, INT32_MIN);
            highest = score(&asked, &keys, scratch + 2U * layer->past, highest);
            const int32_t total =
                slimse_exp_lanes_weigh(scratch, count, highest, layer->limit, layer->multiplier, layer->shift);
            average(layer->value_size, &past_values, &values, scratch, total,
                    &output[position * value_pitch + head * layer->value_size]);
        }
    }
    return (uint32_t)layer->positions * layer->heads * count * ((uint32_t)layer->key_size + layer->value_size);
}
