#include "slimse_depthwise_taps_s8.h"
#include "slimse_gate.h"
#include "slimse_ring.h"
#include "slimse_rows_end.h"
#include "slimse_short_sums.h"

enum { TAPS = 3, ROW = 3 };

/* The signed byte of a word that begins at a bit. */
static inline int32_t byte_of(int32_t word, int bit)
{
    return (int8_t)(word >> bit);
}

uint32_t slimse_depthwise_taps_s8(const slimse_depthwise_taps_s8_t *layer, const slimse_gate_t *channels,
                                  const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output)
{
    const int32_t offset = layer->output_offset;
    const int32_t *const rows = layer->rows;
    const uint32_t count = slimse_gate_begin(channels, layer->channels, offset, output);
    const int8_t *frames[TAPS] = {input, input, input};

    slimse_ring_taps(&frames[TAPS - layer->taps], layer->taps, layer->dilation, layer->channels, input, ring, next);
    const int8_t *const oldest = frames[0];
    const int8_t *const middle = frames[1];
    const int8_t *const newest = frames[2];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t channel = slimse_gate_element(channels, i);
        const int32_t *const row = &rows[channel * ROW];
        const int32_t sum = row[1] + byte_of(row[0], 8) * oldest[channel] + byte_of(row[0], 16) * middle[channel] +
                            byte_of(row[0], 24) * newest[channel];
        output[channel] = (int8_t)slimse_short_output(sum, row[2], 31U - ((uint32_t)row[0] & 31U), offset);
    }
    slimse_rows_limit(output, layer->channels, layer->output_min, layer->output_max);
    slimse_rows_close(output, layer->channels, channels, 0, offset, layer->output_min, layer->output_max);
    return count * layer->taps;
}
