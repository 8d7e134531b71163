/**
 * slimse-mcu runtime: the one public header.
 *
 * Generated models call the kernels below, one call per layer.  All functions are free of allocation, recursion and
 * mutable globals; everything that changes lies in the model's own model_t.
 *
 * Tensors are int8, real = scale * (value - zero point), one frame at a time: [channels].  A gate says which channels
 * of a tensor are open in the current frame; the kernels neither compute a closed channel nor read its weights, and
 * leave it exactly zero (its zero point).  Kernels with multiply-accumulates return how many they executed.
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

/** The decision of one channel gate in the current frame. */
typedef struct {
    uint16_t open_count;   /**< open channels, 0 .. channels */
    uint16_t *open;        /**< [channels] the open channels, ascending; the first open_count are valid */
    uint8_t *bits;         /**< [(channels + 7) / 8] bit i % 8 of byte i / 8: channel i is open */
    const uint8_t *forced; /**< bits that replace the model's decision; NULL: the model decides */
} slimse_gate_t;

/* ---- layers with weights ----------------------------------------------------------------------------------------- */

/** Dense layer, y = clamp(W x + b). */
typedef struct {
    uint16_t rows;             /**< outputs */
    uint16_t columns;          /**< inputs */
    const int8_t *weights;     /**< [rows][columns] */
    const int32_t *bias;       /**< [rows] */
    const int32_t *multiplier; /**< [rows] Q31 */
    const int8_t *shift;       /**< [rows] left when positive */
    int16_t input_offset;      /**< minus the input's zero point */
    int16_t output_offset;     /**< the output's zero point */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_dense_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param columns Gate of the inputs; NULL: all are read.
 * @param input [columns]
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_s8(const slimse_dense_s8_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                         const int8_t *input, int8_t *output);

/** Causal convolution along time, dense over channels. */
typedef struct {
    uint16_t rows;             /**< output channels */
    uint16_t columns;          /**< input channels */
    uint8_t taps;              /**< 2 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;         /**< frames between taps */
    const int8_t *weights;     /**< [rows][taps][columns], oldest tap first */
    const int32_t *bias;       /**< [rows] */
    const int32_t *multiplier; /**< [rows] Q31 */
    const int8_t *shift;       /**< [rows] left when positive */
    int16_t input_offset;      /**< minus the input's zero point */
    int16_t output_offset;     /**< the output's zero point */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_conv1d_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [columns] the current frame
 * @param ring [(taps - 1) * dilation][columns] the past frames
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_conv1d_s8(const slimse_conv1d_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                          const int8_t *ring, uint16_t next, int8_t *output);

/** Causal depthwise convolution along time; with one tap a scale and offset per channel. */
typedef struct {
    uint16_t channels;         /**< input channels */
    uint16_t multiplier_depth; /**< outputs per input channel */
    uint8_t taps;              /**< 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;         /**< frames between taps */
    const int8_t *weights;     /**< [taps][channels * multiplier_depth], oldest tap first */
    const int32_t *bias;       /**< [channels * multiplier_depth] */
    const int32_t *multiplier; /**< [channels * multiplier_depth] Q31 */
    const int8_t *shift;       /**< [channels * multiplier_depth] left when positive */
    int16_t input_offset;      /**< minus the input's zero point */
    int16_t output_offset;     /**< the output's zero point */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_depthwise_conv1d_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [channels] the current frame
 * @param ring [(taps - 1) * dilation][channels] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [channels * multiplier_depth]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_depthwise_conv1d_s8(const slimse_depthwise_conv1d_s8_t *layer, const slimse_gate_t *rows,
                                    const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output);

/** The deciding layer of a gating subnet: channel i is open where (W x + b)[i] > 0. */
typedef struct {
    uint16_t rows;         /**< channels of the gate */
    uint16_t columns;      /**< inputs */
    const int8_t *weights; /**< [rows][columns] */
    const int32_t *bias;   /**< [rows] */
    int16_t input_offset;  /**< minus the input's zero point */
} slimse_channel_gate_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate);

/* ---- recurrent layers -------------------------------------------------------------------------------------------- */

/** What recurrent layers along time have in common; rows are gates x units, each gate's units together. */
typedef struct {
    uint16_t units;                      /**< 1 .. 256 */
    uint16_t columns;                    /**< inputs */
    const int8_t *input_weights;         /**< [gates][units][columns] */
    const int32_t *input_bias;           /**< [gates][units] */
    const int32_t *input_multiplier;     /**< [gates][units] Q31, to Q3.12 */
    const int8_t *input_shift;           /**< [gates][units] left when positive */
    const int8_t *recurrent_weights;     /**< [gates][units][units] */
    const int32_t *recurrent_bias;       /**< [gates][units] */
    const int32_t *recurrent_multiplier; /**< [gates][units] Q31, to Q3.12 */
    const int8_t *recurrent_shift;       /**< [gates][units] left when positive */
    const int16_t *sigmoid;              /**< [257] Q15 at -8, -8 + 1/16, .. 8 */
    const int16_t *tanh;                 /**< [257] Q15 at -8, -8 + 1/16, .. 8 */
    int16_t input_offset;                /**< minus the input's zero point */
} slimse_recurrent_s8_t;

/** Gated recurrent unit; gates in the order update, reset, candidate. */
typedef struct {
    slimse_recurrent_s8_t cell;
    uint8_t reset_after; /**< 1: reset behind the recurrent product, 0: in front of it */
} slimse_gru_s8_t;

/**
 * @param input [columns]
 * @param hidden [units] state, int16, real = value / 32768; 0 at reset
 * @param scratch [2 * units] working memory
 * @param output [units] the new state as int8, real = value / 128
 * @return multiply-accumulates executed.
 */
uint32_t slimse_gru_s8(const slimse_gru_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                       int8_t *output);

/** Long short-term memory; gates in the order input, forget, candidate, output. */
typedef struct {
    slimse_recurrent_s8_t cell;
} slimse_lstm_s8_t;

/**
 * @param input [columns]
 * @param hidden [2 * units] state, int16: h, real = value / 32768, then c, real = value / 2048; 0 at reset
 * @param scratch [units] working memory
 * @param output [units] the new h as int8, real = value / 128
 * @return multiply-accumulates executed.
 */
uint32_t slimse_lstm_s8(const slimse_lstm_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                        int8_t *output);

/* ---- layers without weights -------------------------------------------------------------------------------------- */

/** Any function of one variable. */
typedef struct {
    const int8_t *table;   /**< [256] values of the inputs -128 to 127 */
    int16_t output_offset; /**< the output's zero point */
    uint16_t size;         /**< elements */
} slimse_lookup_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output);

/** PReLU with one slope per channel. */
typedef struct {
    const int8_t *slopes;        /**< [size] */
    uint16_t size;               /**< elements */
    int16_t input_offset;        /**< minus the input's zero point */
    int16_t slope_offset;        /**< minus the slopes' zero point */
    int16_t output_offset;       /**< the output's zero point */
    int32_t positive_multiplier; /**< Q31, of inputs at or above 0 */
    int8_t positive_shift;       /**< left when positive */
    int32_t negative_multiplier; /**< Q31, of input times slope */
    int8_t negative_shift;       /**< left when positive */
} slimse_prelu_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_prelu_s8(const slimse_prelu_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                     int8_t *output);

/** Elementwise sum. */
typedef struct {
    uint16_t size;             /**< elements */
    int16_t input0_offset;     /**< minus the zero point of the first input */
    int16_t input1_offset;     /**< minus the zero point of the second input */
    int16_t output_offset;     /**< the output's zero point */
    int32_t input0_multiplier; /**< Q31 */
    int32_t input1_multiplier; /**< Q31 */
    int32_t output_multiplier; /**< Q31 */
    int8_t input0_shift;       /**< left when positive, as the next two */
    int8_t input1_shift;
    int8_t output_shift;
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_add_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_add_s8(const slimse_add_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                   const int8_t *input1, int8_t *output);

/** Elementwise product. */
typedef struct {
    uint16_t size;             /**< elements */
    int16_t input0_offset;     /**< minus the zero point of the first input */
    int16_t input1_offset;     /**< minus the zero point of the second input */
    int16_t output_offset;     /**< the output's zero point */
    int32_t output_multiplier; /**< Q31 */
    int8_t output_shift;       /**< left when positive */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_multiply_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_multiply_s8(const slimse_multiply_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                        const int8_t *input1, int8_t *output);

/** Layer normalization over the channels of a frame. */
typedef struct {
    uint16_t size;         /**< channels */
    const int8_t *gamma;   /**< [size] scales */
    const int32_t *beta;   /**< [size] offsets, at the unit of gamma x Q12 */
    uint64_t epsilon;      /**< size^2 x epsilon / input scale^2, 1 .. 2^46 */
    int32_t multiplier;    /**< Q31, from that unit to the output's scale */
    int8_t shift;          /**< left when positive */
    int16_t output_offset; /**< the output's zero point */
} slimse_layer_norm_s8_t;

void slimse_layer_norm_s8(const slimse_layer_norm_s8_t *layer, const int8_t *input, int8_t *output);

/** Change of scale and zero point. */
typedef struct {
    uint16_t size;         /**< elements */
    int16_t input_offset;  /**< minus the input's zero point */
    int16_t output_offset; /**< the output's zero point */
    int32_t multiplier;    /**< Q31 */
    int8_t shift;          /**< left when positive */
} slimse_rescale_s8_t;

void slimse_rescale_s8(const slimse_rescale_s8_t *layer, const int8_t *input, int8_t *output);

/** Closing of channels where no layer could skip them itself. */
typedef struct {
    int16_t output_offset; /**< the zero point that closed channels get */
    uint16_t size;         /**< elements */
} slimse_gate_channels_s8_t;

/** @param channels Gate of the output. */
void slimse_gate_channels_s8(const slimse_gate_channels_s8_t *layer, const slimse_gate_t *channels,
                             const int8_t *input, int8_t *output);

/* ---- state ------------------------------------------------------------------------------------------------------- */

/**
 * Remember a frame in place of the oldest; the write index moves, no sample does.
 *
 * @param frame [channels]
 * @param ring [slots][channels]
 * @param next Slot that the frame goes to; moves on by one, modulo slots.
 */
void slimse_ring_push_s8(const int8_t *frame, uint16_t channels, uint16_t slots, int8_t *ring, uint16_t *next);

/* ---- audio ------------------------------------------------------------------------------------------------------- */

#include "dsp/slimse_dsp.h"

/* ---- what a generated model says of itself ----------------------------------------------------------------------- */

/** One gate. */
typedef struct {
    const char *name;
    uint16_t channels; /**< bits */
    uint16_t offset;   /**< first byte in the gate bytes */
} slimse_gate_info_t;

/** One tensor or state inside model_t. */
typedef struct {
    const char *name;
    uint32_t offset; /**< bytes from the start of model_t */
    uint32_t bytes;
    uint8_t kind;    /**< 0 tensor, 1 state */
    uint8_t kept;    /**< 1: holds its value after the frame; 0: its memory is shared and may be overwritten */
} slimse_buffer_info_t;

/** One layer, in execution order. */
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
