/*
 * engine.h - the one model instance of this firmware, with what feeds and counts it.
 */
#ifndef APP_ENGINE_H
#define APP_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#if MODEL_HAS_AUDIO
#include "model_audio.h"
#endif

/* What the network takes and yields. */
#ifdef MODEL_INPUT_IS_INT16
typedef int16_t app_input_t;
#else
typedef int8_t app_input_t;
#endif
#ifdef MODEL_OUTPUT_IS_INT16
typedef int16_t app_output_t;
#else
typedef int8_t app_output_t;
#endif

enum {
    APP_INPUT_BYTES = MODEL_INPUT_SIZE * sizeof(app_input_t),
    APP_OUTPUT_BYTES = MODEL_OUTPUT_SIZE * sizeof(app_output_t),
#if MODEL_HAS_AUDIO
    APP_PCM_BYTES = 2 * MODEL_HOP
#else
    APP_PCM_BYTES = 0
#endif
};

/* One frame's costs. */
typedef struct {
    uint32_t macs;          /* multiply-accumulates that the kernels executed */
    uint32_t network_ticks; /* counter ticks of model_frame() */
    uint32_t total_ticks;   /* the same with front and back end */
} app_cost_t;

/* One layer's costs in the last frame. */
typedef struct {
    uint32_t macs;
    uint32_t ticks;
} app_layer_cost_t;

/* Bring the instance to its initial state: gates decided by the model, without limit. */
void app_engine_init(void);

/* Reset the network's and the front end's state; forced gates stay forced, a limit stays. */
void app_engine_reset(void);

/* Let the model decide the gates again. */
void app_engine_free_gates(void);

/* Force all gates open or closed. */
void app_engine_force_all(bool open);

/* Force the gates to `pattern`, model_info.gate_bytes long; false if it sets bits of no channel. */
bool app_engine_force_pattern(const uint8_t *pattern);

/* Let at most so many channels of each gate be open when the model decides; MODEL_NO_LIMIT: all. */
void app_engine_limit(uint16_t most);

/* Run one frame of quantized features; input APP_INPUT_BYTES, output APP_OUTPUT_BYTES, little-endian. */
app_cost_t app_engine_features(const uint8_t *input, uint8_t *output);

/* Run one frame of audio, in and out through app_engine_samples(). */
app_cost_t app_engine_pcm(void);

/* The hop of audio that app_engine_pcm() takes and replaces, MODEL_HOP long; NULL without front end. */
int16_t *app_engine_samples(void);

/* Gates of the last frame, model_info.gate_bytes long. */
const uint8_t *app_engine_gates(void);

/* Costs of `layer` in the last frame; zeros when the build is not instrumented. */
app_layer_cost_t app_engine_layer(uint32_t layer);

/* Memory that can be dumped: the model's buffers, then the network's input and output. */
uint32_t app_engine_buffers(void);
slimse_buffer_info_t app_engine_buffer(uint32_t index);
const uint8_t *app_engine_buffer_bytes(uint32_t index);

/*
 * Digest of all memory that holds its value after a frame: beginning with 0, for each such buffer in
 * order the CRC-32 of eight bytes, the digest so far and the CRC-32 of the buffer.
 */
uint32_t app_engine_digest(void);

/* Ticks that counting nothing takes, to be subtracted from every count. */
uint32_t app_engine_overhead(void);

#endif
