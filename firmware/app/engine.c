#include "engine.h"

#include <stddef.h>
#include <string.h>

#include "hal.h"
#include "link.h"

/* Their sizes in the ELF file are the memory that the report states. */
static model_t app_model;
#if MODEL_HAS_AUDIO
static model_audio_t app_audio;
static int16_t app_pcm[MODEL_HOP];
#endif
static app_input_t app_input[MODEL_INPUT_SIZE];
static app_output_t app_output[MODEL_OUTPUT_SIZE];

static struct {
    bool forced;
    uint8_t pattern[MODEL_GATE_BYTES];
    uint16_t limit;
    uint32_t overhead;
} engine;

#if MODEL_INSTRUMENTED
static struct {
    uint32_t last;
    app_layer_cost_t costs[MODEL_LAYER_COUNT];
} layers;

static void mark(void *context, uint16_t layer, uint32_t macs)
{
    const uint32_t now = hal_counter();

    (void)context;
    if (layer < MODEL_LAYER_COUNT) {
        layers.costs[layer].macs = macs;
        layers.costs[layer].ticks = now - layers.last;
    }
    layers.last = hal_counter(); /* what this function takes belongs to no layer */
}
#endif

static uint32_t run_network(void)
{
#if MODEL_INSTRUMENTED
    memset(layers.costs, 0, sizeof layers.costs);
    layers.last = hal_counter();
#endif
    return model_frame(&app_model, app_input, app_output);
}

static void measure_overhead(void)
{
    hal_measure_begin();
    const uint32_t start = hal_counter();
    const uint32_t end = hal_counter();
    hal_measure_end();
    engine.overhead = end - start;
}

void app_engine_init(void)
{
    engine.forced = false;
    engine.limit = MODEL_NO_LIMIT;
    measure_overhead();
    app_engine_reset();
}

void app_engine_reset(void)
{
    model_reset(&app_model);
    model_set_limit(&app_model, engine.limit);
#if MODEL_INSTRUMENTED
    model_set_mark(&app_model, mark, NULL);
#endif
#if MODEL_HAS_AUDIO
    model_audio_reset(&app_audio);
#endif
    if (engine.forced) {
        model_force_gates(&app_model, engine.pattern);
    }
}

void app_engine_free_gates(void)
{
    engine.forced = false;
    model_force_gates(&app_model, NULL);
}

void app_engine_limit(uint16_t most)
{
    engine.limit = most;
    model_set_limit(&app_model, most);
}

/* The bits of `gate` that belong to a channel, in byte `index` of its bytes. */
static uint8_t channel_bits(const slimse_gate_info_t *gate, uint32_t index)
{
    const uint32_t left = gate->channels - 8u * index;

    return (uint8_t)(left >= 8u ? 0xFFu : (1u << left) - 1u);
}

static void apply(const uint8_t *pattern)
{
    memcpy(engine.pattern, pattern, model_info.gate_bytes);
    engine.forced = true;
    model_force_gates(&app_model, engine.pattern);
}

void app_engine_force_all(bool open)
{
    uint8_t pattern[MODEL_GATE_BYTES] = {0};

    for (uint32_t g = 0; open && g < model_info.gate_count; g++) {
        const slimse_gate_info_t *gate = &model_info.gates[g];

        for (uint32_t i = 0; 8u * i < gate->channels; i++) {
            pattern[gate->offset + i] = channel_bits(gate, i);
        }
    }
    apply(pattern);
}

bool app_engine_force_pattern(const uint8_t *pattern)
{
    for (uint32_t g = 0; g < model_info.gate_count; g++) {
        const slimse_gate_info_t *gate = &model_info.gates[g];

        for (uint32_t i = 0; 8u * i < gate->channels; i++) {
            if ((pattern[gate->offset + i] & (uint8_t)~channel_bits(gate, i)) != 0) {
                return false;
            }
        }
    }
    apply(pattern);
    return true;
}

app_cost_t app_engine_features(const uint8_t *input, uint8_t *output)
{
    app_cost_t cost;

    memcpy(app_input, input, sizeof app_input);
    hal_mark(HAL_MARK_INFERENCE, true);
    hal_measure_begin();
    const uint32_t start = hal_counter();
    cost.macs = run_network();
    const uint32_t end = hal_counter();
    hal_measure_end();
    hal_mark(HAL_MARK_INFERENCE, false);
    cost.network_ticks = end - start;
    cost.total_ticks = end - start;
    memcpy(output, app_output, sizeof app_output);
    return cost;
}

#if MODEL_HAS_AUDIO
app_cost_t app_engine_pcm(void)
{
    app_cost_t cost;

    hal_mark(HAL_MARK_INFERENCE, true);
    hal_measure_begin();
    const uint32_t start = hal_counter();
    model_audio_analyse(&app_audio, app_pcm, app_input);
    const uint32_t network_start = hal_counter();
    cost.macs = run_network();
    const uint32_t network_end = hal_counter();
    model_audio_synthesise(&app_audio, app_output, app_pcm);
    const uint32_t end = hal_counter();
    hal_measure_end();
    hal_mark(HAL_MARK_INFERENCE, false);
    cost.network_ticks = network_end - network_start;
    cost.total_ticks = end - start;
    return cost;
}

int16_t *app_engine_samples(void)
{
    return app_pcm;
}
#else
app_cost_t app_engine_pcm(void)
{
    return (app_cost_t){0, 0, 0}; /* never asked: configure refuses the mode */
}

int16_t *app_engine_samples(void)
{
    return NULL;
}
#endif

const uint8_t *app_engine_gates(void)
{
    return model_gates(&app_model);
}

app_layer_cost_t app_engine_layer(uint32_t layer)
{
#if MODEL_INSTRUMENTED
    if (layer < MODEL_LAYER_COUNT) {
        return layers.costs[layer];
    }
#else
    (void)layer;
#endif
    return (app_layer_cost_t){0, 0};
}

uint32_t app_engine_buffers(void)
{
    return model_info.buffer_count + 2u;
}

slimse_buffer_info_t app_engine_buffer(uint32_t index)
{
    if (index < model_info.buffer_count) {
        return model_info.buffers[index];
    }
    if (index == model_info.buffer_count) {
        return (slimse_buffer_info_t){.name = "app_input", .bytes = sizeof app_input};
    }
    return (slimse_buffer_info_t){.name = "app_output", .bytes = sizeof app_output};
}

const uint8_t *app_engine_buffer_bytes(uint32_t index)
{
    if (index < model_info.buffer_count) {
        return (const uint8_t *)&app_model + model_info.buffers[index].offset;
    }
    return index == model_info.buffer_count ? (const uint8_t *)app_input : (const uint8_t *)app_output;
}

uint32_t app_engine_digest(void)
{
    uint32_t digest = 0;

    for (uint32_t i = 0; i < app_engine_buffers(); i++) {
        uint8_t both[8];

        app_put_u32(both, digest);
        app_put_u32(both + 4, app_crc32(app_engine_buffer_bytes(i), app_engine_buffer(i).bytes));
        digest = app_crc32(both, sizeof both);
    }
    return digest;
}

uint32_t app_engine_overhead(void)
{
    return engine.overhead;
}
