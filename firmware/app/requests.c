#include "requests.h"

#include <string.h>

#include "engine.h"
#include "hal.h"
#include "link.h"
#include "pack.h"
#include "session.h"

_Static_assert(APP_REQUEST_PAYLOAD <= 0xFFFF && APP_REPLY_PAYLOAD <= 0xFFFF,
               "a frame of this model is larger than a packet can be");

enum {
    HELLO_BYTES = 10,
    DESCRIBE_BYTES = 3,
    LAYERS_BYTES = 2,
    DUMP_BYTES = 8,
    TEXT_LIMIT = 64,
    NAME_LIMIT = 200,
    ENTRY_LIMIT = 1 + NAME_LIMIT + 12 /* most bytes that one described thing takes */
};

static struct {
    uint8_t mode;                    /* APP_MODE_... */
    uint8_t before[MODEL_GATE_BYTES]; /* gates that the last packed answer told */
    uint32_t frames;
} app_state = {.mode = MODEL_HAS_AUDIO ? APP_MODE_PCM : APP_MODE_FEATURES};

static void refuse(const app_request_t *request, app_reply_t *reply, uint8_t reason)
{
    app_reply_begin(reply, APP_ERROR, request->sequence);
    app_reply_u8(reply, reason);
    app_reply_u8(reply, request->type);
}

bool app_request_is_hello(const app_request_t *request)
{
    return request->type == APP_HELLO && request->count == HELLO_BYTES
           && app_get_u32(request->payload) == APP_MAGIC;
}

uint32_t app_request_nonce(const app_request_t *request)
{
    return app_get_u32(request->payload + 6);
}

void app_requests_begin(void)
{
    memset(app_state.before, 0, sizeof app_state.before);
}

static void hello(const app_request_t *request, app_reply_t *reply)
{
    const hal_info_t *hal = hal_info();

    app_reply_u16(reply, APP_PROTOCOL_VERSION);
    app_reply_u32(reply, app_request_nonce(request));
    app_reply_u8(reply, hal->window < APP_WINDOW ? hal->window : (uint8_t)APP_WINDOW);
    app_reply_u8(reply, hal->counter_kind);
    app_reply_u8(reply, model_info.instrumented);
    app_reply_u8(reply, MODEL_HAS_AUDIO);
    app_reply_u8(reply, hal->duplex);
    app_reply_u16(reply, APP_REQUEST_PAYLOAD);
    app_reply_u16(reply, APP_REPLY_PAYLOAD);
    app_reply_u32(reply, hal->clock_hz);
    app_reply_u32(reply, hal->counter_hz);
    app_reply_u32(reply, app_engine_overhead());
    app_reply_u16(reply, SLIMSE_ABI);
    app_reply_u16(reply, model_info.input_size);
    app_reply_u16(reply, model_info.output_size);
    app_reply_u16(reply, model_info.gate_bytes);
    app_reply_u16(reply, model_info.gate_count);
    app_reply_u16(reply, app_engine_buffers());
    app_reply_u16(reply, model_info.layer_count);
    app_reply_u32(reply, model_info.sample_rate_hz);
    app_reply_u16(reply, model_info.hop);
    app_reply_u16(reply, model_info.fft);
    app_reply_u32(reply, model_info.model_bytes);
    app_reply_text(reply, hal->board, TEXT_LIMIT);
    app_reply_text(reply, model_info.name, TEXT_LIMIT);
    app_reply_text(reply, model_info.tool_version, TEXT_LIMIT);
    app_reply_text(reply, model_info.model_hash, TEXT_LIMIT);
    app_reply_text(reply, model_info.calibration_hash, TEXT_LIMIT);
}

static void describe_gate(app_reply_t *reply, uint32_t index)
{
    const slimse_gate_info_t *gate = &model_info.gates[index];

    app_reply_u16(reply, gate->channels);
    app_reply_u16(reply, gate->offset);
    app_reply_text(reply, gate->name, NAME_LIMIT);
}

static void describe_buffer(app_reply_t *reply, uint32_t index)
{
    const slimse_buffer_info_t buffer = app_engine_buffer(index);

    app_reply_u32(reply, buffer.bytes);
    app_reply_u8(reply, buffer.kind);
    app_reply_text(reply, buffer.name, NAME_LIMIT);
}

static void describe_layer(app_reply_t *reply, uint32_t index)
{
    app_reply_text(reply, model_info.layers[index].name, NAME_LIMIT);
}

static void describe(const app_request_t *request, app_reply_t *reply)
{
    const uint8_t kind = request->payload[0];
    const uint32_t first = app_get_u16(request->payload + 1);
    void (*entry)(app_reply_t *, uint32_t) = NULL;
    uint32_t count = 0;

    if (kind == APP_DESCRIBE_GATES) {
        entry = describe_gate;
        count = model_info.gate_count;
    } else if (kind == APP_DESCRIBE_BUFFERS) {
        entry = describe_buffer;
        count = app_engine_buffers();
    } else if (kind == APP_DESCRIBE_LAYERS) {
        entry = describe_layer;
        count = model_info.layer_count;
    }
    if (entry == NULL || first > count) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
        return;
    }
    for (uint32_t i = first; i < count && app_reply_room(reply) >= ENTRY_LIMIT; i++) {
        entry(reply, i);
    }
}

static void configure(const app_request_t *request, app_reply_t *reply)
{
    const uint8_t mode = request->payload[0];
    const uint8_t gates = request->payload[1];
    const uint32_t wanted = 2u + (gates == APP_GATES_PATTERN ? model_info.gate_bytes : 0u);
    const bool is_limited = request->count == wanted + 2u;

    if (mode > APP_MODE_PACKED || gates > APP_GATES_PATTERN) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
    } else if (request->count != wanted && !is_limited) {
        refuse(request, reply, APP_ERROR_LENGTH);
    } else if (mode != APP_MODE_FEATURES && !MODEL_HAS_AUDIO) {
        refuse(request, reply, APP_ERROR_UNSUPPORTED);
    } else if (gates == APP_GATES_PATTERN && !app_engine_force_pattern(request->payload + 2)) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
    } else {
        app_state.mode = mode;
        app_engine_limit(is_limited ? app_get_u16(request->payload + wanted) : MODEL_NO_LIMIT);
        if (gates == APP_GATES_MODEL) {
            app_engine_free_gates();
        } else if (gates != APP_GATES_PATTERN) {
            app_engine_force_all(gates == APP_GATES_OPEN);
        }
    }
}

static void put_costs(uint8_t *costs, app_cost_t cost)
{
    app_put_u32(costs, cost.macs);
    app_put_u32(costs + 4, cost.network_ticks);
    app_put_u32(costs + 8, cost.total_ticks);
}

static void frame_of_features(const app_request_t *request, app_reply_t *reply)
{
    uint8_t *costs;
    uint8_t *gates;

    if (request->count != APP_INPUT_BYTES) {
        refuse(request, reply, APP_ERROR_LENGTH);
        return;
    }
    costs = app_reply_reserve(reply, 12);
    gates = app_reply_reserve(reply, model_info.gate_bytes);
    put_costs(costs, app_engine_features(request->payload, app_reply_reserve(reply, APP_OUTPUT_BYTES)));
    memcpy(gates, app_engine_gates(), model_info.gate_bytes);
}

static void frame_of_samples(const app_request_t *request, app_reply_t *reply)
{
    int16_t *samples = app_engine_samples();
    const uint32_t count = APP_PCM_BYTES / 2; /* 0 in a model without audio */
    const uint8_t *input = request->payload;
    uint8_t *output;

    if (request->count != APP_PCM_BYTES) {
        refuse(request, reply, APP_ERROR_LENGTH);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = (int16_t)app_get_u16(input + 2u * i);
    }
    put_costs(app_reply_reserve(reply, 12), app_engine_pcm());
    app_reply_bytes(reply, app_engine_gates(), model_info.gate_bytes);
    output = app_reply_reserve(reply, APP_PCM_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        app_put_u16(output + 2u * i, (uint16_t)samples[i]);
    }
}

static void put_packed_gates(app_reply_t *reply)
{
    const uint8_t *gates = app_engine_gates();
    uint8_t *place = app_reply_reserve(reply, APP_PACKED_GATES);
    const size_t size = app_pack_gates(gates, app_state.before, model_info.gate_bytes, place + 2);

    app_put_u16(place, (uint32_t)size);
    app_reply_return(reply, APP_PACKED_GATES - 2u - (uint32_t)size);
    memcpy(app_state.before, gates, model_info.gate_bytes);
}

static void frame_packed(const app_request_t *request, app_reply_t *reply)
{
    int16_t *samples = app_engine_samples();
    uint8_t *output;
    size_t size;

    if (!app_unpack_audio(request->payload, request->count, samples, APP_PCM_BYTES / 2)) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
        return;
    }
    put_costs(app_reply_reserve(reply, 12), app_engine_pcm());
    put_packed_gates(reply);
    output = app_reply_reserve(reply, APP_PACKED_PCM);
    size = app_pack_audio(samples, APP_PCM_BYTES / 2, output);
    app_reply_return(reply, APP_PACKED_PCM - (uint32_t)size);
}

static void frame(const app_request_t *request, app_reply_t *reply)
{
    if (app_state.mode == APP_MODE_FEATURES) {
        frame_of_features(request, reply);
    } else if (app_state.mode == APP_MODE_PCM) {
        frame_of_samples(request, reply);
    } else {
        frame_packed(request, reply);
    }
    if (reply->packet[0] == APP_ERROR) {
        return;
    }
#if MODEL_INSTRUMENTED
    app_reply_u32(reply, app_engine_digest());
#endif
    app_state.frames++;
}

static void layers(const app_request_t *request, app_reply_t *reply)
{
    const uint32_t first = app_get_u16(request->payload);

    if (model_info.instrumented == 0) {
        refuse(request, reply, APP_ERROR_UNSUPPORTED);
        return;
    }
    if (first > model_info.layer_count) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
        return;
    }
    for (uint32_t i = first; i < model_info.layer_count && app_reply_room(reply) >= 8; i++) {
        const app_layer_cost_t cost = app_engine_layer(i);

        app_reply_u32(reply, cost.macs);
        app_reply_u32(reply, cost.ticks);
    }
}

static void dump(const app_request_t *request, app_reply_t *reply)
{
    const uint32_t index = app_get_u16(request->payload);
    const uint32_t offset = app_get_u32(request->payload + 2);
    const uint32_t count = app_get_u16(request->payload + 6);
    uint32_t bytes;

    if (index >= app_engine_buffers()) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
        return;
    }
    bytes = app_engine_buffer(index).bytes;
    if (count > APP_REPLY_PAYLOAD || offset > bytes || count > bytes - offset) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
        return;
    }
    app_reply_bytes(reply, app_engine_buffer_bytes(index) + offset, count);
}

static void status(const app_request_t *request, app_reply_t *reply)
{
    app_reply_u32(reply, hal_stack_bytes());
    app_reply_u32(reply, hal_stack_peak());
    app_reply_u32(reply, app_state.frames);
    app_reply_u32(reply, request->link->damaged);
    app_reply_u32(reply, request->link->out_of_order);
    app_reply_u32(reply, request->link->repeated);
    app_reply_u32(reply, hal_lost_bytes());
}

/* Payload bytes that a request must have; -1: it says itself, -2: there is no such request. */
static int32_t payload_size(uint8_t type)
{
    switch (type) {
    case APP_HELLO:
        return HELLO_BYTES;
    case APP_DESCRIBE:
        return DESCRIBE_BYTES;
    case APP_LAYERS:
        return LAYERS_BYTES;
    case APP_DUMP:
        return DUMP_BYTES;
    case APP_RESET:
    case APP_STATUS:
    case APP_BYE:
        return 0;
    case APP_CONFIGURE:
    case APP_FRAME:
        return -1;
    default:
        return -2;
    }
}

static void carry_out(const app_request_t *request, app_reply_t *reply)
{
    switch (request->type) {
    case APP_HELLO:
        hello(request, reply);
        break;
    case APP_DESCRIBE:
        describe(request, reply);
        break;
    case APP_RESET:
        app_engine_reset();
        app_requests_begin();
        break;
    case APP_CONFIGURE:
        configure(request, reply);
        break;
    case APP_FRAME:
        frame(request, reply);
        break;
    case APP_LAYERS:
        layers(request, reply);
        break;
    case APP_DUMP:
        dump(request, reply);
        break;
    case APP_STATUS:
        status(request, reply);
        break;
    default: /* APP_BYE: the session ends after the answer */
        break;
    }
}

void app_request_answer(const app_request_t *request, app_reply_t *reply)
{
    const int32_t wanted = payload_size(request->type);

    app_reply_begin(reply, (uint8_t)(request->type | APP_ANSWER), request->sequence);
    if (wanted == -2) {
        refuse(request, reply, APP_ERROR_TYPE);
    } else if (wanted >= 0 && request->count != (uint32_t)wanted) {
        refuse(request, reply, APP_ERROR_LENGTH);
    } else if (request->type == APP_CONFIGURE && request->count < 2) {
        refuse(request, reply, APP_ERROR_LENGTH);
    } else if (request->type == APP_HELLO && !app_request_is_hello(request)) {
        refuse(request, reply, APP_ERROR_ARGUMENT);
    } else {
        carry_out(request, reply);
    }
}
