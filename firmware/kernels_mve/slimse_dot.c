#include "slimse_dot.h"

#include <arm_mve.h>

/* Columns of a vector of halfwords. */
enum { HALFWORDS = 8 };

void slimse_dot4_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS], const int8_t *input,
                    int32_t offset, uint32_t count)
{
    const int8_t *row0 = rows[0];
    const int8_t *row1 = rows[1];
    const int8_t *row2 = rows[2];
    const int8_t *row3 = rows[3];
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    for (; count >= HALFWORDS; count -= HALFWORDS) {
        const int16x8_t value = vaddq_n_s16(vldrbq_s16(input), (int16_t)offset);

        sum0 = vmladavaq_s16(sum0, value, vldrbq_s16(row0));
        sum1 = vmladavaq_s16(sum1, value, vldrbq_s16(row1));
        sum2 = vmladavaq_s16(sum2, value, vldrbq_s16(row2));
        sum3 = vmladavaq_s16(sum3, value, vldrbq_s16(row3));
        input += HALFWORDS;
        row0 += HALFWORDS;
        row1 += HALFWORDS;
        row2 += HALFWORDS;
        row3 += HALFWORDS;
    }
    if (count > 0U) {
        const mve_pred16_t some = vctp16q(count);
        const int16x8_t value = vaddq_n_s16(vldrbq_z_s16(input, some), (int16_t)offset);

        /* Weights behind the last are zero, so what the value is there does not matter. */
        sum0 = vmladavaq_s16(sum0, value, vldrbq_z_s16(row0, some));
        sum1 = vmladavaq_s16(sum1, value, vldrbq_z_s16(row1, some));
        sum2 = vmladavaq_s16(sum2, value, vldrbq_z_s16(row2, some));
        sum3 = vmladavaq_s16(sum3, value, vldrbq_z_s16(row3, some));
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

void slimse_dot4_s16(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS], const int16_t *values,
                     uint32_t count)
{
    const int8_t *row0 = rows[0];
    const int8_t *row1 = rows[1];
    const int8_t *row2 = rows[2];
    const int8_t *row3 = rows[3];
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    for (; count >= HALFWORDS; count -= HALFWORDS) {
        const int16x8_t value = vldrhq_s16(values);

        sum0 = vmladavaq_s16(sum0, value, vldrbq_s16(row0));
        sum1 = vmladavaq_s16(sum1, value, vldrbq_s16(row1));
        sum2 = vmladavaq_s16(sum2, value, vldrbq_s16(row2));
        sum3 = vmladavaq_s16(sum3, value, vldrbq_s16(row3));
        values += HALFWORDS;
        row0 += HALFWORDS;
        row1 += HALFWORDS;
        row2 += HALFWORDS;
        row3 += HALFWORDS;
    }
    if (count > 0U) {
        const mve_pred16_t some = vctp16q(count);
        const int16x8_t value = vldrhq_z_s16(values, some);

        sum0 = vmladavaq_s16(sum0, value, vldrbq_z_s16(row0, some));
        sum1 = vmladavaq_s16(sum1, value, vldrbq_z_s16(row1, some));
        sum2 = vmladavaq_s16(sum2, value, vldrbq_z_s16(row2, some));
        sum3 = vmladavaq_s16(sum3, value, vldrbq_z_s16(row3, some));
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Eight listed weights of a row, zero behind the list. */
static inline int16x8_t listed(const int8_t *row, uint16x8_t column, mve_pred16_t some)
{
    return vldrbq_gather_offset_z_s16(row, column, some);
}

/* Add the products of listed columns with values. */
static inline void add_listed(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                              int16x8_t value, uint16x8_t column, mve_pred16_t some)
{
    sums[0] = vmladavaq_s16(sums[0], value, listed(rows[0], column, some));
    sums[1] = vmladavaq_s16(sums[1], value, listed(rows[1], column, some));
    sums[2] = vmladavaq_s16(sums[2], value, listed(rows[2], column, some));
    sums[3] = vmladavaq_s16(sums[3], value, listed(rows[3], column, some));
}

void slimse_dot4_listed_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                           const int8_t *input, int32_t offset, const uint16_t *open, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += HALFWORDS) {
        const mve_pred16_t some = vctp16q(count - i);
        const uint16x8_t column = vldrhq_z_u16(&open[i], some);
        const int16x8_t value = vaddq_n_s16(vldrbq_gather_offset_z_s16(input, column, some), (int16_t)offset);

        add_listed(sums, rows, value, column, some);
    }
}

void slimse_dot4_listed_s16(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                            const int16_t *values, const uint16_t *open, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += HALFWORDS) {
        const mve_pred16_t some = vctp16q(count - i);
        const uint16x8_t column = vldrhq_z_u16(&open[i], some);

        add_listed(sums, rows, vldrhq_gather_shifted_offset_z_s16(values, column, some), column, some);
    }
}
