/**
 * Sums of products of a matrix whose rows lie eight by eight (layout "tiles_8x16"), with one input vector.
 *
 * Octet o holds the rows 8o .. 8o + 7 as [blocks][8][16], a block being 16 columns of one row: eight rows together are read
 * through one pointer with 17 instructions for 128 products, and any single row with steps of 128 bytes.
 */
#ifndef SLIMSE_OCTETS_H
#define SLIMSE_OCTETS_H

#include <stdint.h>

/** Bytes from one block of a row to its next. */
enum { SLIMSE_OCTET_STEP = 128 };

/**
 * sums[row] = bias[row] + weights[row] . input
 *
 * @param weights [octets][(columns + 15) / 16][8][16], zero beyond the columns
 * @param bias [8 * octets]
 * @param input [columns]
 * @param octets 1 or more.
 * @param sums [8 * octets]
 */
void slimse_octets_s8(const int8_t *weights, const int32_t *bias, const int8_t *input, uint32_t columns,
                      uint32_t octets, int32_t *sums);

/**
 * sums[i] += rows[i] . input
 *
 * @param rows [count] the first block of any rows
 * @param input [columns]
 * @param count Even, 2 or more.
 * @param sums [count]
 */
void slimse_octet_rows_s8(const int8_t *const *rows, const int8_t *input, uint32_t columns, uint32_t count,
                          int32_t *sums);

/**
 * What slimse_octet_rows_s8 starts from for listed rows.
 *
 * @param weights Layout tiles_8x16.
 * @param bias [rows]
 * @param octet_bytes SLIMSE_OCTET_STEP x blocks of a row.
 * @param open [count] the rows
 * @param count 1 or more.
 * @param starts [count] receives where each row begins.
 * @param sums [count] receives the bias of each row.
 */
void slimse_octet_starts(const int8_t *weights, const int32_t *bias, uint32_t octet_bytes, const uint16_t *open,
                         uint32_t count, const int8_t **starts, int32_t *sums);

#endif
