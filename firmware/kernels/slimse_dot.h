/** Dot products of weight rows with one input vector: the inner loops of all layers with weights. */
#ifndef SLIMSE_DOT_H
#define SLIMSE_DOT_H

#include <stddef.h>
#include <stdint.h>

/** Rows whose products are formed together, so that they share each load of the input. */
enum { SLIMSE_DOT_ROWS = 4 };

/**
 * sum + weights * (input + offset) over count columns.
 *
 * @param open The columns, in order; NULL: 0 .. count - 1.
 */
static inline int32_t slimse_dot_s8(int32_t sum, const int8_t *weights, const int8_t *input, int32_t offset,
                                    const uint16_t *open, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t column = open != NULL ? open[i] : i;
        sum += weights[column] * (input[column] + offset);
    }
    return sum;
}

/** slimse_dot_s8 of four rows over contiguous columns; sums are read and written. */
void slimse_dot4_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS], const int8_t *input,
                    int32_t offset, uint32_t count);

/** slimse_dot_s8 of four rows over listed columns; sums are read and written. */
void slimse_dot4_listed_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                           const int8_t *input, int32_t offset, const uint16_t *open, uint32_t count);

/** slimse_dot_s8 of up to four rows over contiguous columns; sums are read and written. */
static inline void slimse_dot_rows_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                                      uint32_t row_count, const int8_t *input, int32_t offset, uint32_t count)
{
    if (row_count == SLIMSE_DOT_ROWS) {
        slimse_dot4_s8(sums, rows, input, offset, count);
        return;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        sums[i] = slimse_dot_s8(sums[i], rows[i], input, offset, NULL, count);
    }
}

/**
 * sum + weights * values over count columns.
 *
 * @param open The columns, in order; NULL: 0 .. count - 1.
 */
static inline int32_t slimse_dot_s16(int32_t sum, const int8_t *weights, const int16_t *values, const uint16_t *open,
                                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t column = open != NULL ? open[i] : i;
        sum += weights[column] * values[column];
    }
    return sum;
}

/** slimse_dot_s16 of four rows over contiguous columns; sums are read and written. */
void slimse_dot4_s16(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS], const int16_t *values,
                     uint32_t count);

/** slimse_dot_s16 of four rows over listed columns; sums are read and written. */
void slimse_dot4_listed_s16(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                            const int16_t *values, const uint16_t *open, uint32_t count);

/** Columns whose products with int16 values int32 always holds: 512 * 127 * 32768 < 2^31. */
enum { SLIMSE_DOT_COLUMNS = 512 };

/**
 * Add weights * values of up to four rows to sums that may be longer than int32.
 *
 * @param open The columns, in order; NULL: 0 .. count - 1.
 */
static inline void slimse_dot_rows_s16(int64_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                                       uint32_t row_count, const int16_t *values, const uint16_t *open,
                                       uint32_t count)
{
    for (uint32_t first = 0; first < count; first += SLIMSE_DOT_COLUMNS) {
        const uint32_t left = count - first;
        const uint32_t columns = left < SLIMSE_DOT_COLUMNS ? left : SLIMSE_DOT_COLUMNS;
        /* Listed columns are counted from the row's start, others from the first of them. */
        const uint16_t *const listed = open != NULL ? &open[first] : NULL;
        const uint32_t start = open != NULL ? 0U : first;
        const int8_t *starts[SLIMSE_DOT_ROWS];
        int32_t parts[SLIMSE_DOT_ROWS] = {0};

        for (uint32_t i = 0; i < row_count; i++) {
            starts[i] = &rows[i][start];
        }
        if (row_count == SLIMSE_DOT_ROWS && listed != NULL) {
            slimse_dot4_listed_s16(parts, starts, &values[start], listed, columns);
        } else if (row_count == SLIMSE_DOT_ROWS) {
            slimse_dot4_s16(parts, starts, &values[start], columns);
        } else {
            for (uint32_t i = 0; i < row_count; i++) {
                parts[i] = slimse_dot_s16(0, starts[i], &values[start], listed, columns);
            }
        }
        for (uint32_t i = 0; i < row_count; i++) {
            sums[i] += parts[i];
        }
    }
}

#endif
