#include "slimse_dot.h"

/* Columns of a turn of the inner loops: a good part of what one alone takes is counting. */
enum { TURN = 8 };

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
    uint32_t left = count;

    for (; left >= TURN; left -= TURN) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = input[i] + offset;
            sum0 += row0[i] * value;
            sum1 += row1[i] * value;
            sum2 += row2[i] * value;
            sum3 += row3[i] * value;
        }
        input += TURN;
        row0 += TURN;
        row1 += TURN;
        row2 += TURN;
        row3 += TURN;
    }
    for (; left > 0U; left--) {
        const int32_t value = *input++ + offset;
        sum0 += *row0++ * value;
        sum1 += *row1++ * value;
        sum2 += *row2++ * value;
        sum3 += *row3++ * value;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

void slimse_dot4_listed_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                           const int8_t *input, int32_t offset, const uint16_t *open, uint32_t count)
{
    const int8_t *const row0 = rows[0];
    const int8_t *const row1 = rows[1];
    const int8_t *const row2 = rows[2];
    const int8_t *const row3 = rows[3];
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];
    const uint16_t *const end = open + count;

    while (open < end) {
        const uint32_t column = *open++;
        const int32_t value = input[column] + offset;
        sum0 += row0[column] * value;
        sum1 += row1[column] * value;
        sum2 += row2[column] * value;
        sum3 += row3[column] * value;
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
    uint32_t left = count;

    for (; left >= TURN; left -= TURN) {
        for (uint32_t i = 0; i < TURN; i++) {
            const int32_t value = values[i];
            sum0 += row0[i] * value;
            sum1 += row1[i] * value;
            sum2 += row2[i] * value;
            sum3 += row3[i] * value;
        }
        values += TURN;
        row0 += TURN;
        row1 += TURN;
        row2 += TURN;
        row3 += TURN;
    }
    for (; left > 0U; left--) {
        const int32_t value = *values++;
        sum0 += *row0++ * value;
        sum1 += *row1++ * value;
        sum2 += *row2++ * value;
        sum3 += *row3++ * value;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

void slimse_dot4_listed_s16(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                            const int16_t *values, const uint16_t *open, uint32_t count)
{
    for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
        sums[i] = slimse_dot_s16(sums[i], rows[i], values, open, count);
    }
}
