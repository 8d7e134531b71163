#ifndef SLIMSE_ATTENTION_FRAME_S8_H
#define SLIMSE_ATTENTION_FRAME_S8_H

#include "slimse.h"

/**
 * Attention within a frame, over its positions: all heads of a layer, or those that a component opens.
 *
 * A head's keys and values are widened to lanes once, before its first query.
 */
typedef struct {
    uint16_t first_head;  /**< the first head computed */
    uint16_t heads;       /**< how many are computed */
    uint16_t positions;   /**< queries */
    uint16_t keys;        /**< keys per query, 1 .. 510 */
    uint16_t all_heads;   /**< heads of the layer, computed here or not */
    uint16_t key_size;    /**< channels of a head's query and key */
    uint16_t value_size;  /**< channels of a head's value and output */
    int16_t query_offset; /**< minus the query's zero point */
    int32_t limit;        /**< differences of scores are cut to this, which stands for 16 */
    int32_t multiplier;   /**< from a difference to Q12, with shift; limit x multiplier is below 2^31 */
    uint8_t shift;        /**< 15 .. 31, to the right */
} slimse_attention_frame_s8_t;

/**
 * @param query [positions][all_heads][key_size]
 * @param key [keys][all_heads][key_size]
 * @param value [keys][all_heads][value_size]
 * @param scratch [2 k + 4 q (1 + keys) + 4 k v] working memory, 4-byte aligned, with k: keys in fours, q and v: quads of
 *        key_size and of value_size
 * @param output [positions][all_heads][value_size], with the value's scale and zero point
 * @return multiply-accumulates executed.
 */
uint32_t slimse_attention_frame_s8(const slimse_attention_frame_s8_t *layer, const int8_t *query, const int8_t *key,
                                   const int8_t *value, int16_t *scratch, int8_t *output);

#endif
