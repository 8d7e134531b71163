/** Lists of the channels of a gate, or of the inputs, that are to be read. */
#ifndef SLIMSE_LISTS_H
#define SLIMSE_LISTS_H

#include <stdint.h>

/** Elements behind a list's last one that its writers may overwrite where the list has room for them. */
enum { SLIMSE_LIST_SPARE = 8 };

/**
 * List the bits that are set, ascending.
 *
 * @param bits [(count + 7) / 8], zero beyond count
 * @param list [count] nothing behind it is written.
 * @return how many.
 */
uint32_t slimse_list_bits(const uint8_t *bits, uint32_t count, uint16_t *list);

/**
 * List the elements that differ from zero_point, ascending.
 *
 * @param input [count]
 * @param list [count + SLIMSE_LIST_SPARE]
 * @return how many.
 */
uint32_t slimse_list_nonzero(const int8_t *input, uint32_t count, int32_t zero_point, uint16_t *list);

/**
 * Set bit i where sums[i] > 0.
 *
 * @param sums [count, to a multiple of 16]
 * @param bits [(count + 7) / 8]
 */
void slimse_positive_bits(const int32_t *sums, uint32_t count, uint8_t *bits);

#endif
