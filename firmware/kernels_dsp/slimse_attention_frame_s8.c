#include "slimse_attention_frame_s8.h"
#include "slimse_exp_lanes.h"
#include "slimse_lanes.h"
#include "slimse_open_columns.h"

enum { QUAD = 4, SHORT_WORDS = 4 };

/* What a head's queries share, and its sizes in words. */
typedef struct {
    int32_t *asked;       /* [key_words] lanes of the query without zero point */
    int32_t *keys;        /* [keys][key_words] lanes */
    int32_t *values;      /* [value_quads][pairs][4] lanes: a channel of two keys */
    uint32_t key_words;   /* zero behind the key's end */
    uint32_t pairs;       /* of keys; even, filled up with zeros */
} head_t;

static inline int32_t greater(int32_t first, int32_t second)
{
    return first > second ? first : second;
}

/* The score of each key; the greatest. */
static int32_t score(const head_t *head, uint32_t count, int32_t *scores)
{
    const int32_t *key = head->keys;
    int32_t *const end = scores + count;
    int32_t highest = INT32_MIN;

    if (head->key_words == SHORT_WORDS) {
        const uint32_t asked0 = (uint32_t)head->asked[0];
        const uint32_t asked1 = (uint32_t)head->asked[1];
        const uint32_t asked2 = (uint32_t)head->asked[2];
        const uint32_t asked3 = (uint32_t)head->asked[3];

        for (; scores < end; scores++) {
            int32_t sum = slimse_multiply_lanes((uint32_t)key[0], asked0, 0);
            sum = slimse_multiply_lanes((uint32_t)key[1], asked1, sum);
            sum = slimse_multiply_lanes((uint32_t)key[2], asked2, sum);
            sum = slimse_multiply_lanes((uint32_t)key[3], asked3, sum);
            key += SHORT_WORDS;
            *scores = sum;
            highest = greater(highest, sum);
        }
        return highest;
    }
    for (; scores < end; scores++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < head->key_words; i += 2U) {
            sum = slimse_multiply_lanes((uint32_t)key[i], (uint32_t)head->asked[i], sum);
            sum = slimse_multiply_lanes((uint32_t)key[i + 1U], (uint32_t)head->asked[i + 1U], sum);
        }
        key += head->key_words;
        *scores = sum;
        highest = greater(highest, sum);
    }
    return highest;
}

/* Up to four channels as the bytes of a word, zero behind them. */
static inline uint32_t quad_of(const int8_t *channels, uint32_t count)
{
    int8_t last[QUAD] = {0};

    if (count >= QUAD) {
        return slimse_load_word(channels);
    }
    for (uint32_t i = 0; i < count; i++) {
        last[i] = channels[i];
    }
    return slimse_load_word(last);
}

/* The same channels of each two keys side by side. */
static void pair_values(const head_t *head, const int8_t *value, uint32_t pitch, uint32_t count, uint32_t size)
{
    int32_t *pair = head->values;

    for (uint32_t channel = 0; channel < size; channel += QUAD) {
        for (uint32_t i = 0; i < 2U * head->pairs; i += 2U) {
            const int8_t *const from = &value[i * pitch + channel];
            const uint32_t first = i < count ? quad_of(from, size - channel) : 0U;
            const uint32_t second = i + 1U < count ? quad_of(from + pitch, size - channel) : 0U;
            const uint32_t even = slimse_even_bytes(first);
            const uint32_t odd = slimse_odd_bytes(first);
            const uint32_t next_even = slimse_even_bytes(second);
            const uint32_t next_odd = slimse_odd_bytes(second);

            pair[0] = (int32_t)slimse_bottoms(even, next_even);
            pair[1] = (int32_t)slimse_bottoms(odd, next_odd);
            pair[2] = (int32_t)slimse_tops(even, next_even);
            pair[3] = (int32_t)slimse_tops(odd, next_odd);
            pair += QUAD;
        }
    }
}

/* The weighted means of all channels; weights: [2 pairs], zero behind the last key. */
static void average(const head_t *head, const int16_t *weights, int32_t total, uint32_t size, int8_t *output)
{
    const int16_t *const end = weights + 2U * head->pairs;
    const int32_t *values = head->values;
    const int32_t half = total / 2;

    for (uint32_t channel = 0; channel < size; channel += QUAD) {
        int32_t sums[QUAD] = {0};

        for (const int16_t *weight = weights; weight < end; weight += 4) {
            uint32_t first;
            uint32_t second;
            memcpy(&first, weight, sizeof first);
            memcpy(&second, weight + 2, sizeof second);
            for (uint32_t i = 0; i < QUAD; i++) {
                sums[i] = slimse_multiply_lanes((uint32_t)values[i], first, sums[i]);
            }
            for (uint32_t i = 0; i < QUAD; i++) {
                sums[i] = slimse_multiply_lanes((uint32_t)values[QUAD + i], second, sums[i]);
            }
            values += 2 * QUAD;
        }
        if (size - channel >= QUAD) {
            output[0] = slimse_quotient(sums[0], total, half);
            output[1] = slimse_quotient(sums[1], total, half);
            output[2] = slimse_quotient(sums[2], total, half);
            output[3] = slimse_quotient(sums[3], total, half);
            output += QUAD;
        } else {
            for (uint32_t i = 0; i < size - channel; i++) {
                output[i] = slimse_quotient(sums[i], total, half);
            }
        }
    }
}

uint32_t slimse_attention_frame_s8(const slimse_attention_frame_s8_t *layer, const int8_t *query, const int8_t *key,
                                   const int8_t *value, int16_t *scratch, int8_t *output)
{
    const uint32_t key_pitch = (uint32_t)layer->all_heads * layer->key_size;
    const uint32_t value_pitch = (uint32_t)layer->all_heads * layer->value_size;
    const uint32_t count = layer->keys;
    const uint32_t in_fours = (count + 3U) / 4U * 4U;
    int32_t *const scores = (int32_t *)(void *)scratch;
    head_t work = {
        .asked = scores + in_fours,
        .key_words = (layer->key_size + 3U) / 4U * 2U,
        .pairs = in_fours / 2U,
    };

    work.keys = work.asked + work.key_words;
    work.values = work.keys + count * work.key_words;
    for (uint32_t head = layer->first_head; head < (uint32_t)layer->first_head + layer->heads; head++) {
        const int8_t *own_query = &query[head * layer->key_size];
        const int8_t *own_key = &key[head * layer->key_size];
        int8_t *own_output = &output[head * layer->value_size];
        int32_t *lanes = work.keys;

        for (uint32_t i = 0; i < count; i++) {
            lanes = slimse_lanes(own_key, layer->key_size, 0, lanes);
            own_key += key_pitch;
        }
        pair_values(&work, &value[head * layer->value_size], value_pitch, count, layer->value_size);
        for (uint32_t position = 0; position < layer->positions; position++) {
            slimse_lanes(own_query, layer->key_size, layer->query_offset, work.asked);
            const int32_t highest = score(&work, count, scores);
            const int32_t total = slimse_exp_lanes_weigh(scratch, count, highest, layer->limit, layer->multiplier,
                                                         layer->shift);

            memset(&scratch[count], 0, (in_fours - count) * sizeof *scratch);
            average(&work, scratch, total, layer->value_size, own_output);
            own_query += key_pitch;
            own_output += value_pitch;
        }
    }
    return (uint32_t)layer->positions * layer->heads * count * ((uint32_t)layer->key_size + layer->value_size);
}
