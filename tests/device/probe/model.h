/*
 * A model for tests of board layer and protocol: it has all that generated models have, is computed
 * in one line per output (tests/probe.py says the same in Python), and can fault on demand.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#include "slimse.h"

#define MODEL_INPUT_SIZE 17
#define MODEL_OUTPUT_SIZE 17
#define MODEL_GATE_BYTES 3
#define MODEL_LAYER_COUNT 2
#define MODEL_NO_LIMIT 0xFFFFU
#define MODEL_OUTPUT_SCALE ((float)0.0625)
#define MODEL_OUTPUT_ZERO_POINT (-3)
#define MODEL_HAS_AUDIO 1
#define MODEL_HOP 16
#define MODEL_INSTRUMENTED 1

/* 0: no input makes the model fault, for fuzzing. */
#ifndef MODEL_FAULTS
#define MODEL_FAULTS 1
#endif

typedef struct {
    int8_t last[MODEL_INPUT_SIZE];
    uint8_t gates[MODEL_GATE_BYTES];
    uint8_t pattern[MODEL_GATE_BYTES];
    uint8_t forced;
    uint16_t limit;
    slimse_mark_t mark;
    void *context;
} model_t;

void model_reset(model_t *m);
uint32_t model_frame(model_t *m, const int8_t *input, int8_t *output);
void model_force_gates(model_t *m, const uint8_t *pattern);
void model_set_limit(model_t *m, uint16_t most);
const uint8_t *model_gates(const model_t *m);
void model_set_mark(model_t *m, slimse_mark_t mark, void *context);
extern const slimse_model_info_t model_info;

#endif
