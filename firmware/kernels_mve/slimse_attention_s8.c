#include "slimse_attention_s8.h"
#include "slimse_exp_weights.h"

/* Keys, or values, that one query meets in the current frame or in past ones. */
typedef struct {
    const int8_t *first;
    uint32_t pitch; /* elements from one to the next */
    uint32_t count;
} rows_t;

/* Channels of a vector of products. */
enum { CHANNELS = 8 };

/* Eight channels of a query without offset, zero beyond its size. */
static inline int16x8_t query_part(const slimse_attention_s8_t *layer, const int8_t *query, mve_pred16_t some)
{
    const int16x8_t part = vldrbq_z_s16(query, some);
    return vaddq_m_n_s16(part, part, layer->query_offset, some);
}

/* The scores of all keys.  What is read behind a key meets zeros of the query. */
static void score(const slimse_attention_s8_t *layer, const int8_t *query, const rows_t *keys, int32_t *scores)
{
    const int16x8_t first = query_part(layer, query, vctp16q(layer->key_size));
    const int8_t *key = keys->first;

    for (uint32_t i = 0; i < keys->count; i++) {
        scores[i] = vmladavq_s16(first, vldrbq_s16(key));
        key += keys->pitch;
    }
    for (uint32_t channel = CHANNELS; channel < layer->key_size; channel += CHANNELS) {
        const int16x8_t part = query_part(layer, &query[channel], vctp16q(layer->key_size - channel));

        key = &keys->first[channel];
        for (uint32_t i = 0; i < keys->count; i++) {
            scores[i] = vmladavaq_s16(scores[i], part, vldrbq_s16(key));
            key += keys->pitch;
        }
    }
}

/* Weighted values of eight channels. */
typedef struct {
    int32x4_t low;
    int32x4_t high;
} weighted_t;

static inline weighted_t add_weighted(weighted_t sum, const rows_t *values, uint32_t channel, const int16_t *weights)
{
    const int8_t *value = &values->first[channel];

    for (uint32_t i = 0; i < values->count; i++) {
        const int32_t weight = weights[i];
        sum.low = vmlaq_n_s32(sum.low, vldrbq_s32(value), weight);
        sum.high = vmlaq_n_s32(sum.high, vldrbq_s32(&value[4]), weight);
        value += values->pitch;
    }
    return sum;
}

/* sum / total, to nearest, ties away from zero. */
static inline int8_t quotient(int32_t sum, int32_t total)
{
    const int32_t half = total / 2;
    return (int8_t)((sum < 0 ? sum - half : sum + half) / total);
}

/* The weighted mean of all values; the weights of the past ones come first.  Sums of what lies behind are left. */
static void average(const slimse_attention_s8_t *layer, const rows_t *past, const rows_t *current,
                    const int16_t *weights, int32_t total, int8_t *output)
{
    for (uint32_t channel = 0; channel < layer->value_size; channel += CHANNELS) {
        const uint32_t left = layer->value_size - channel;
        weighted_t sum = {vdupq_n_s32(0), vdupq_n_s32(0)};
        int32_t sums[CHANNELS];

        sum = add_weighted(sum, past, channel, weights);
        sum = add_weighted(sum, current, channel, &weights[past->count]);
        vstrwq_s32(sums, sum.low);
        vstrwq_s32(&sums[4], sum.high);
        for (uint32_t i = 0; i < CHANNELS && i < left; i++) {
            output[channel + i] = quotient(sums[i], total);
        }
    }
}

uint32_t slimse_attention_s8(const slimse_attention_s8_t *layer, const int8_t *query, const int8_t *key,
                             const int8_t *key_ring, uint16_t key_next, const int8_t *value,
                             const int8_t *value_ring, uint16_t value_next, int16_t *scratch, int8_t *output)
{
    const uint32_t key_pitch = (uint32_t)layer->all_heads * layer->key_size;
    const uint32_t value_pitch = (uint32_t)layer->all_heads * layer->value_size;
    const uint32_t count = (uint32_t)layer->keys + layer->past;
    const uint32_t heads_end = (uint32_t)layer->first_head + layer->heads;
    int32_t *const scores = (int32_t *)(void *)scratch;

    (void)key_next;
    (void)value_next;
    for (uint32_t position = 0; position < layer->positions; position++) {
        const uint32_t met = layer->along_time != 0U ? position : 0U;
        for (uint32_t head = layer->first_head; head < heads_end; head++) {
            const uint32_t first_key = met * key_pitch + head * layer->key_size;
            const uint32_t first_value = met * value_pitch + head * layer->value_size;
            const rows_t past_keys = {&key_ring[first_key], layer->positions * key_pitch, layer->past};
            const rows_t past_values = {&value_ring[first_value], layer->positions * value_pitch, layer->past};
            const rows_t keys = {&key[first_key], key_pitch, layer->keys};
            const rows_t values = {&value[first_value], value_pitch, layer->keys};
            const int8_t *own = &query[position * key_pitch + head * layer->key_size];
            int8_t *result = &output[position * value_pitch + head * layer->value_size];

            score(layer, own, &past_keys, scores);
            score(layer, own, &keys, &scores[layer->past]);
            const int32_t total =
                slimse_exp_weights(scores, count, layer->limit, layer->multiplier, layer->shift, scratch);
            average(layer, &past_values, &values, scratch, total, result);
        }
    }
    return (uint32_t)layer->positions * layer->heads * count * ((uint32_t)layer->key_size + layer->value_size);
}
