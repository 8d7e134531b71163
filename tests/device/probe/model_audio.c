#include "model_audio.h"

#include "model.h"

void model_audio_reset(model_audio_t *a)
{
    a->last = 0;
}

void model_audio_analyse(model_audio_t *a, const int16_t *pcm, int8_t *features)
{
    features[0] = (int8_t)(a->last / 256);
    for (int i = 0; i < MODEL_HOP; i++) {
        features[i + 1] = (int8_t)(pcm[i] / 256);
    }
    a->last = pcm[MODEL_HOP - 1];
}

void model_audio_synthesise(model_audio_t *a, const int8_t *mask, int16_t *pcm)
{
    (void)a;
    for (int i = 0; i < MODEL_HOP; i++) {
        pcm[i] = (int16_t)(mask[i] * 256 + mask[i + 1]);
    }
}
