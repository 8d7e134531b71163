/**
 * slimse-mcu runtime: the one public header.
 *
 * Generated models call the kernels in kernels/, one call per layer, each described in the header of its name.  All
 * functions are free of allocation, recursion and mutable globals; everything that changes lies in the model's own
 * model_t.
 *
 * Tensors are int8, real = scale * (value - zero point), one frame at a time: [channels], or [positions][channels] with
 * positions along frequency.  A gate says which channels of a tensor are open in the current frame; the kernels
 * neither compute a closed channel nor read its weights, and leave it exactly zero (its zero point).  A component of a
 * policy opens a whole part of a layer: model.c calls its kernel only then.  Kernels with multiply-accumulates return
 * how many they executed.
 */
#ifndef SLIMSE_H
#define SLIMSE_H

#include <stddef.h>
#include <stdint.h>

/** Generated code and runtime must agree on this number. */
#define SLIMSE_ABI 1

/** Most taps that a convolution along time may have. */
#define SLIMSE_MAX_TAPS 32

/* ---- gates ------------------------------------------------------------------------------------------------------- */

/** The decision of one gate in the current frame; a policy's gate has components in place of channels. */
typedef struct {
    uint16_t open_count;   /**< open channels, 0 .. channels */
    uint16_t group;        /**< channels are open or closed in groups of so many neighbours; 0 or 1: one by one */
    uint16_t *open;        /**< [channels] the open channels, ascending; the first open_count are valid */
    uint8_t *bits;         /**< [(channels + 7) / 8] bit i % 8 of byte i / 8: channel i is open */
    const uint8_t *forced; /**< bits that replace the model's decision; NULL: the model decides */
} slimse_gate_t;

/** Most ranges that the open channels of a tensor fall into. */
#define SLIMSE_MAX_SPANS 16

/** Contiguous channels. */
typedef struct {
    uint16_t first;
    uint16_t count;
} slimse_span_t;

/** The open channels of a tensor whose blocks are ruled by components, as ranges. */
typedef struct {
    uint16_t ranges;   /**< ranges in use, 0 .. SLIMSE_MAX_SPANS */
    uint16_t channels; /**< open channels in all */
    slimse_span_t range[SLIMSE_MAX_SPANS]; /**< ascending, with closed channels between them */
} slimse_spans_t;

/** 1: the component with that bit is open in the current frame, 0: it is closed. */
static inline uint32_t slimse_is_open(const slimse_gate_t *gate, uint32_t bit)
{
    return ((uint32_t)gate->bits[bit / 8U] >> (bit % 8U)) & 1U;
}

/** Add open channels behind the last range; neighbours become one range. */
static inline void slimse_spans_add(slimse_spans_t *spans, uint16_t first, uint16_t count)
{
    slimse_span_t *const last = &spans->range[spans->ranges - (spans->ranges > 0U ? 1U : 0U)];

    spans->channels = (uint16_t)(spans->channels + count);
    if (spans->ranges > 0U && last->first + last->count == first) {
        last->count = (uint16_t)(last->count + count);
        return;
    }
    spans->range[spans->ranges].first = first;
    spans->range[spans->ranges].count = count;
    spans->ranges++;
}

/* ---- what a generated model says of itself ----------------------------------------------------------------------- */

/** One gate. */
typedef struct {
    const char *name;
    uint16_t channels; /**< bits */
    uint16_t offset;   /**< first byte in the gate bytes */
} slimse_gate_info_t;

/** Memory inside model_t that holds its value after the frame: a state, and in an instrumented build any tensor. */
typedef struct {
    const char *name;
    uint32_t offset; /**< bytes from the start of model_t */
    uint32_t bytes;
    uint8_t kind;    /**< 0 tensor, 1 state */
} slimse_buffer_info_t;

/** One layer of an instrumented build, in execution order. */
typedef struct {
    const char *name;
} slimse_layer_info_t;

/** The model's description. */
typedef struct {
    const char *name;
    const char *tool_version;
    const char *model_hash;       /**< SHA-256 of the trained model's file, 64 hex digits */
    const char *calibration_hash; /**< SHA-256 of the calibration, 64 hex digits, or "" */
    uint32_t model_bytes;         /**< sizeof(model_t) */
    uint16_t input_size;
    uint16_t output_size;
    uint16_t gate_count;
    uint16_t gate_bytes;          /**< 1 at least */
    uint16_t buffer_count;
    uint16_t layer_count;
    const slimse_gate_info_t *gates;
    const slimse_buffer_info_t *buffers;
    const slimse_layer_info_t *layers;
    uint32_t sample_rate_hz;      /**< 0: features in, outputs out */
    uint16_t hop;                 /**< samples per frame, or 0 */
    uint16_t fft;                 /**< samples, or 0 */
    uint8_t instrumented;         /**< 1: every tensor is kept and layers are marked */
} slimse_model_info_t;

/** Called after each layer of an instrumented build with the MACs that the layer executed. */
typedef void (*slimse_mark_t)(void *context, uint16_t layer, uint32_t macs);

#endif
