#include "slimse_conv1d_octets_s8.h"
#include "slimse_channels.h"
#include "slimse_dense_octets_s8.h"
#include "slimse_ring.h"

uint32_t slimse_conv1d_octets_s8(const slimse_conv1d_octets_s8_t *layer, const slimse_gate_t *rows,
                                 const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                 int8_t *output)
{
    const slimse_dense_octets_s8_t dense = {
        .rows = layer->rows,
        .columns = (uint16_t)(layer->taps * layer->columns),
        .weights = layer->weights,
        .bias_and_shift = layer->bias_and_shift,
        .rescale = layer->rescale,
    };
    const int8_t *frames[SLIMSE_MAX_TAPS];
    int8_t *const patch = (int8_t *)scratch;

    slimse_ring_taps(frames, layer->taps, layer->dilation, layer->columns, input, ring, next);
    for (uint32_t tap = 0; tap < layer->taps; tap++) {
        slimse_copy_s8(&patch[tap * layer->columns], frames[tap], layer->columns);
    }
    return slimse_dense_octets_s8(&dense, rows, patch, output);
}
