#include "slimse_attention_s8.h"
#include "slimse_dot.h"
#include "slimse_exp.h"

#include <string.h>

/* Keys, or values, that one query meets in the current frame or in past ones. */
typedef struct {
    const int8_t *base;
    uint32_t first; /* element of base at which the first begins */
    uint32_t pitch; /* elements from one to the next */
    uint32_t count;
} rows_t;

/* Store the score of each key from scores[0] on, as two halves each; the greatest, or highest if that is greater. */
static int32_t score(const slimse_attention_s8_t *layer, const int8_t *query, const rows_t *keys, int16_t *scores,
                     int32_t highest)
{
    for (uint32_t key = 0; key < keys->count; key += SLIMSE_DOT_ROWS) {
        const uint32_t left = keys->count - key;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        const int8_t *rows[SLIMSE_DOT_ROWS];
        int32_t sums[SLIMSE_DOT_ROWS] = {0};

        for (uint32_t i = 0; i < count; i++) {
            rows[i] = &keys->base[keys->first + (key + i) * keys->pitch];
        }
        slimse_dot_rows_s8(sums, rows, count, query, layer->query_offset, layer->key_size);
        for (uint32_t i = 0; i < count; i++) {
            memcpy(&scores[2U * (key + i)], &sums[i], sizeof sums[i]);
            highest = sums[i] > highest ? sums[i] : highest;
        }
    }
    return highest;
}

/* Add the weighted values of four channels from channel on. */
static void add_weighted4(int32_t sums[SLIMSE_DOT_ROWS], const rows_t *values, uint32_t channel,
                          const int16_t *weights)
{
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    for (uint32_t key = 0; key < values->count; key++) {
        const int8_t *value = &values->base[values->first + key * values->pitch + channel];
        const int32_t weight = weights[key];
        sum0 += weight * value[0];
        sum1 += weight * value[1];
        sum2 += weight * value[2];
        sum3 += weight * value[3];
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Add the weighted values of up to four channels from channel on. */
static void add_weighted(int32_t sums[SLIMSE_DOT_ROWS], uint32_t channels, const rows_t *values, uint32_t channel,
                         const int16_t *weights)
{
    if (channels == SLIMSE_DOT_ROWS) {
        add_weighted4(sums, values, channel, weights);
        return;
    }
    for (uint32_t i = 0; i < channels; i++) {
        for (uint32_t key = 0; key < values->count; key++) {
            sums[i] += weights[key] * values->base[values->first + key * values->pitch + channel + i];
        }
    }
}

/* sum / total, to nearest, ties away from zero. */
static int8_t quotient(int32_t sum, int32_t total)
{
    const int32_t half = total / 2;
    return (int8_t)((sum < 0 ? sum - half : sum + half) / total);
}

/* The weighted mean of all values; the weights of the past ones come first. */
static void average(const slimse_attention_s8_t *layer, const rows_t *past, const rows_t *current,
                    const int16_t *weights, int32_t total, int8_t *output)
{
    for (uint32_t channel = 0; channel < layer->value_size; channel += SLIMSE_DOT_ROWS) {
        const uint32_t left = layer->value_size - channel;
        const uint32_t channels = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        int32_t sums[SLIMSE_DOT_ROWS] = {0};

        add_weighted(sums, channels, past, channel, weights);
        add_weighted(sums, channels, current, channel, &weights[past->count]);
        for (uint32_t i = 0; i < channels; i++) {
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
            const int8_t *own = &query[position * key_pitch + head * layer->key_size];
            int8_t *result = &output[position * value_pitch + head * layer->value_size];

            int32_t highest = score(layer, own, &past_keys, scratch, INT32_MIN);
            highest = score(layer, own, &keys, &scratch[2U * layer->past], highest);
            const int32_t total =
                slimse_exp_weigh(scratch, count, highest, layer->limit, layer->multiplier, layer->shift);
            average(layer, &past_values, &values, scratch, total, result);
        }
    }
    return (uint32_t)layer->positions * layer->heads * count * ((uint32_t)layer->key_size + layer->value_size);
}
