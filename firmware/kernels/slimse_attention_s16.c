#include "slimse_attention_s16.h"
#include "slimse_exp.h"

#include <string.h>

/* Fraction bits of one over the sum of the weights. */
enum { RECIPROCAL_BITS = 45 };

/* Keys, or values, that one query meets in the current frame or in past ones. */
typedef struct {
    const int16_t *base;
    uint32_t first; /* element of base at which the first begins */
    uint32_t pitch; /* elements from one to the next */
    uint32_t count;
} rows_t;

/* Store the score of each key from scores[0] on, as two halves each; the greatest, or highest if that is greater. */
static int32_t score(const slimse_attention_s16_t *layer, const int16_t *query, const rows_t *keys, int16_t *scores,
                     int32_t highest)
{
    for (uint32_t key = 0; key < keys->count; key++) {
        const int16_t *row = &keys->base[keys->first + key * keys->pitch];
        int64_t sum = 0;

        for (uint32_t i = 0; i < layer->key_size; i++) {
            sum += query[i] * row[i];
        }
        /* gcc and clang shift negative numbers arithmetically. */
        const int32_t value = (int32_t)(sum >> layer->score_shift);
        memcpy(&scores[2U * key], &value, sizeof value);
        highest = value > highest ? value : highest;
    }
    return highest;
}

/* The sum of the weighted values of one channel. */
static int64_t weighted(const rows_t *values, uint32_t channel, const int16_t *weights)
{
    const int16_t *value = &values->base[values->first + channel];
    int64_t sum = 0;

    for (uint32_t key = 0; key < values->count; key++) {
        sum += weights[key] * *value;
        value += values->pitch;
    }
    return sum;
}

/* The weighted mean of all values; the weights of the past ones come first. */
static void average(const slimse_attention_s16_t *layer, const rows_t *past, const rows_t *current,
                    const int16_t *weights, int32_t total, int16_t *output)
{
    const int64_t reciprocal = ((int64_t)1 << RECIPROCAL_BITS) / total;

    for (uint32_t channel = 0; channel < layer->value_size; channel++) {
        int64_t sum = weighted(current, channel, &weights[past->count]);

        if (past->count > 0U) {
            sum += weighted(past, channel, weights);
        }
        output[channel] = (int16_t)((sum * reciprocal + ((int64_t)1 << (RECIPROCAL_BITS - 1))) >> RECIPROCAL_BITS);
    }
}

uint32_t slimse_attention_s16(const slimse_attention_s16_t *layer, const int16_t *query, const int16_t *key,
                              const int16_t *key_ring, uint16_t key_next, const int16_t *value,
                              const int16_t *value_ring, uint16_t value_next, int16_t *scratch, int16_t *output)
{
    const uint32_t key_pitch = (uint32_t)layer->all_heads * layer->key_size;
    const uint32_t value_pitch = (uint32_t)layer->all_heads * layer->value_size;
    const uint32_t count = (uint32_t)layer->keys + layer->past;
    const uint32_t heads_end = (uint32_t)layer->first_head + layer->heads;

    (void)key_next;
    (void)value_next;
    for (uint32_t position = 0; position < layer->positions; position++) {
        const uint32_t met = layer->along_time != 0U ? position : 0U;
        for (uint32_t head = layer->first_head; head < heads_end; head++) {
            const uint32_t first_key = met * key_pitch + head * layer->key_size;
            const uint32_t first_value = met * value_pitch + head * layer->value_size;
            const rows_t past_keys = {key_ring, first_key, layer->positions * key_pitch, layer->past};
            const rows_t past_values = {value_ring, first_value, layer->positions * value_pitch, layer->past};
            const rows_t keys = {key, first_key, key_pitch, layer->keys};
            const rows_t values = {value, first_value, value_pitch, layer->keys};
            const int16_t *own = &query[position * key_pitch + head * layer->key_size];
            int16_t *result = &output[position * value_pitch + head * layer->value_size];

            int32_t highest = score(layer, own, &past_keys, scratch, INT32_MIN);
            highest = score(layer, own, &keys, &scratch[2U * layer->past], highest);
            const int32_t total =
                slimse_exp_weigh(scratch, count, highest, layer->limit, layer->multiplier, layer->shift);
            average(layer, &past_values, &values, scratch, total, result);
        }
    }
    return (uint32_t)layer->positions * layer->heads * count * ((uint32_t)layer->key_size + layer->value_size);
}
