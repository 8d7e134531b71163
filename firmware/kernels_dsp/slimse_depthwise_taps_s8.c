#include "slimse_depthwise_taps_s8.h"
#include "slimse_lanes.h"
#include "slimse_ring.h"
#include "slimse_rows.h"
#include "slimse_rows_end.h"

enum { TAPS = 3, ROW = 3 };

/* What a channel's sum becomes; word: its low byte is 32 - shift. */
static inline int32_t finish(int32_t sum, uint32_t word, int32_t multiplier, int32_t offset)
{
    const int32_t high = slimse_high_product(2 * sum, multiplier);
    return slimse_saturate_s8(
        slimse_high_product_add(high + (high >> 31), slimse_bit_of_low_byte((int32_t)word), offset));
}

/* One channel: outer: its value in the oldest and the newest frame; middle: that in between, in the bottom lane. */
static inline int32_t bottom_channel(const int32_t *row, uint32_t outer, uint32_t middle, int32_t offset)
{
    const uint32_t word = (uint32_t)row[0];
    const int32_t sum = slimse_multiply_lanes(slimse_odd_bytes(word), outer, row[1]);
    return finish(slimse_multiply_top_bottom(slimse_even_bytes(word), middle, sum), word, row[2], offset);
}

/* The same with the middle in the top lane. */
static inline int32_t top_channel(const int32_t *row, uint32_t outer, uint32_t middle, int32_t offset)
{
    const uint32_t word = (uint32_t)row[0];
    const int32_t sum = slimse_multiply_lanes(slimse_odd_bytes(word), outer, row[1]);
    return finish(slimse_multiply_tops(slimse_even_bytes(word), middle, sum), word, row[2], offset);
}

static int32_t one_channel(const int32_t *row, const int8_t *const frames[TAPS], uint32_t channel, int32_t offset)
{
    const uint32_t outer =
        slimse_bottoms((uint32_t)(int32_t)frames[0][channel], (uint32_t)(int32_t)frames[2][channel]);
    return bottom_channel(row, outer, (uint32_t)(int32_t)frames[1][channel], offset);
}

static void all_channels(const slimse_depthwise_taps_s8_t *layer, const int8_t *const frames[TAPS], int8_t *output)
{
    const int32_t offset = layer->output_offset;
    const int32_t *row = layer->rows;
    const int8_t *oldest = frames[0];
    const int8_t *middle = frames[1];
    const int8_t *newest = frames[2];
    int8_t *const whole_end = output + (layer->channels & ~3U);
    uint32_t channel = layer->channels & ~3U;

    while (output < whole_end) {
        const uint32_t first = slimse_load_word(oldest);
        const uint32_t second = slimse_load_word(middle);
        const uint32_t third = slimse_load_word(newest);
        uint32_t from = slimse_even_bytes(first);
        uint32_t to = slimse_even_bytes(third);
        uint32_t between = slimse_even_bytes(second);
        const int32_t output0 = bottom_channel(&row[0], slimse_bottoms(from, to), between, offset);
        const int32_t output2 = top_channel(&row[2 * ROW], slimse_tops(from, to), between, offset);

        from = slimse_odd_bytes(first);
        to = slimse_odd_bytes(third);
        between = slimse_odd_bytes(second);
        const int32_t output1 = bottom_channel(&row[ROW], slimse_bottoms(from, to), between, offset);
        const int32_t output3 = top_channel(&row[3 * ROW], slimse_tops(from, to), between, offset);
        output[0] = (int8_t)output0;
        output[1] = (int8_t)output1;
        output[2] = (int8_t)output2;
        output[3] = (int8_t)output3;
        oldest += 4;
        middle += 4;
        newest += 4;
        row += 4 * ROW;
        output += 4;
    }
    for (; channel < layer->channels; channel++) {
        *output++ = (int8_t)one_channel(row, frames, channel, offset);
        row += ROW;
    }
}

static void open_channels(const slimse_depthwise_taps_s8_t *layer, const slimse_gate_t *gate,
                          const int8_t *const frames[TAPS], int8_t *output)
{
    const int32_t offset = layer->output_offset;
    const uint16_t *const end = gate->open + gate->open_count;

    for (const uint16_t *open = gate->open; open < end; open++) {
        const uint32_t channel = *open;
        output[channel] = (int8_t)one_channel(&layer->rows[channel * ROW], frames, channel, offset);
    }
}

uint32_t slimse_depthwise_taps_s8(const slimse_depthwise_taps_s8_t *layer, const slimse_gate_t *channels,
                                  const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output)
{
    const uint32_t count = channels != NULL ? channels->open_count : layer->channels;
    /* From about five sixths on, all channels together take less than the open ones each. */
    const int is_whole = 6U * count > 5U * layer->channels;
    const int8_t *frames[TAPS] = {input, input, input};

    slimse_ring_taps(&frames[TAPS - layer->taps], layer->taps, layer->dilation, layer->channels, input, ring, next);
    if (is_whole) {
        all_channels(layer, frames, output);
    } else {
        memset(output, layer->output_offset, layer->channels);
        open_channels(layer, channels, frames, output);
    }
    slimse_rows_limit(output, layer->channels, layer->output_min, layer->output_max);
    slimse_rows_close(output, layer->channels, channels, is_whole, layer->output_offset, layer->output_min,
                        layer->output_max);
    return count * layer->taps;
}
