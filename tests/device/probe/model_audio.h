#ifndef MODEL_AUDIO_H
#define MODEL_AUDIO_H

#include <stdint.h>

typedef struct {
    int16_t last;
} model_audio_t;

void model_audio_reset(model_audio_t *a);
void model_audio_analyse(model_audio_t *a, const int16_t *pcm, int8_t *features);
void model_audio_synthesise(model_audio_t *a, const int8_t *mask, int16_t *pcm);

#endif
