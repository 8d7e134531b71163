#include "slimse_conv2d_transpose_quads_s8.h"
#include "slimse_ring.h"

/* Outputs that no tap reaches are their biases. */
static void only_bias(const slimse_conv2d_transpose_quads_s8_t *layer, const slimse_plane_outputs_t *outputs)
{
    int8_t *output = outputs->output;

    for (uint32_t i = 0; i < outputs->count; i++) {
        slimse_requantize_rows(&layer->rescale, 0, layer->planes.rows, outputs->bias_and_shift, output);
        output += outputs->output_pitch;
    }
}

uint32_t slimse_conv2d_transpose_quads_s8(const slimse_conv2d_transpose_quads_s8_t *layer, const slimse_spans_t *spans,
                                          const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                          int8_t *output)
{
    const slimse_plane_sizes_t *const planes = &layer->planes;
    const uint32_t channels = spans != NULL ? spans->channels : planes->columns;
    const uint32_t stride = layer->stride;
    const slimse_spans_t *const some = slimse_some_spans(spans, planes->columns);
    const int8_t *frames[SLIMSE_MAX_TAPS];
    slimse_plane_outputs_t outputs = {
        .weights = layer->weights,
        .bias_and_shift = layer->bias_and_shift,
        .spacing = 1,
        .step = 1,
        .output_pitch = stride * planes->output_pitch,
    };
    uint32_t taps = 0;

    slimse_ring_taps(frames, planes->taps, planes->dilation, (uint32_t)planes->inputs * planes->columns, input, ring,
                     next);
    for (uint32_t rest = 0; rest < stride; rest++) {
        const uint32_t first = (rest + stride - layer->left % stride) % stride;

        outputs.kernel = planes->kernel / stride + (rest < planes->kernel % stride ? 1U : 0U);
        if (first < planes->positions) {
            outputs.start = (int32_t)((first + layer->left) / stride) + 1 - (int32_t)outputs.kernel;
            outputs.count = (planes->positions - first + stride - 1U) / stride;
            outputs.output = &output[first * planes->output_pitch];
            if (outputs.kernel > 0U) {
                taps += slimse_plane_outputs(planes, &layer->rescale, &outputs, frames, some, (int8_t *)scratch);
            } else {
                only_bias(layer, &outputs);
            }
        }
        outputs.weights += (planes->rows + 3U) / 4U * 4U * planes->taps * outputs.kernel * planes->columns;
        outputs.bias_and_shift += (planes->rows + 7U) & ~7U;
    }
    return taps * planes->taps * planes->rows * channels;
}
