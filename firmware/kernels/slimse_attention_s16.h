#ifndef SLIMSE_ATTENTION_S16_H
#define SLIMSE_ATTENTION_S16_H

#include "slimse.h"

/** Attention of int16: all heads of a layer, or those that a component opens, side by side in the channels. */
typedef struct {
    uint16_t first_head;  /**< the first head computed */
    uint16_t heads;       /**< how many are computed */
    uint16_t positions;   /**< queries, each at its position along frequency */
    uint16_t keys;        /**< keys per query in the current frame: its positions, or 1 along time */
    uint16_t past;        /**< keys per query in past frames; 0 along frequency; keys + past is 1 .. 510 */
    uint8_t along_time;   /**< 1: a query meets its own position in all frames, 0: all positions of its frame */
    uint16_t all_heads;   /**< heads of the layer, computed here or not */
    uint16_t key_size;    /**< channels of a head's query and key */
    uint16_t value_size;  /**< channels of a head's value and output */
    uint8_t score_shift;  /**< sums of products become scores, to the right */
    int32_t limit;        /**< differences of scores are cut to this, which stands for 16 */
    int32_t multiplier;   /**< from a difference to Q12, with shift; limit x multiplier is below 2^31 */
    uint8_t shift;        /**< 15 .. 31, to the right */
} slimse_attention_s16_t;

/**
 * @param query [positions][all_heads][key_size]
 * @param key [keys or positions][all_heads][key_size], of the current frame
 * @param key_ring [past][positions][all_heads][key_size] in any order; NULL: past is 0
 * @param value [keys or positions][all_heads][value_size], of the current frame
 * @param value_ring [past][positions][all_heads][value_size] in the keys' order
 * @param scratch [2 * (keys + past)] working memory
 * @param output [positions][all_heads][value_size], with the value's scale
 * @return multiply-accumulates executed.
 *
 * The sums are exact in any order of the past frames, so where the rings begin does not matter.
 */
uint32_t slimse_attention_s16(const slimse_attention_s16_t *layer, const int16_t *query, const int16_t *key,
                              const int16_t *key_ring, uint16_t key_next, const int16_t *value,
                              const int16_t *value_ring, uint16_t value_next, int16_t *scratch, int16_t *output);

#endif
