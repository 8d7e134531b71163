#include "slimse_dot_values.h"

/* Columns of a turn of the inner loops: a good part of what one alone takes is counting. */
enum { LONG_TURN = 16, SHORT_TURN = 4 };

void slimse_dot4_values_s8(int32_t sums[SLIMSE_DOT_ROWS], const int8_t *const rows[SLIMSE_DOT_ROWS],
                           const int8_t *input, uint32_t count)
{
    const int8_t *const end = input + count;
    const int8_t *const long_end = end - count % LONG_TURN;
    const int8_t *const short_end = end - count % SHORT_TURN;
    const int8_t *row0 = rows[0];
    const int8_t *row1 = rows[1];
    const int8_t *row2 = rows[2];
    const int8_t *row3 = rows[3];
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    while (input < long_end) {
        for (uint32_t i = 0; i < LONG_TURN; i++) {
            const int32_t value = input[i];
            sum0 += row0[i] * value;
            sum1 += row1[i] * value;
            sum2 += row2[i] * value;
            sum3 += row3[i] * value;
        }
        input += LONG_TURN;
        row0 += LONG_TURN;
        row1 += LONG_TURN;
        row2 += LONG_TURN;
        row3 += LONG_TURN;
    }
    while (input < short_end) {
        for (uint32_t i = 0; i < SHORT_TURN; i++) {
            const int32_t value = input[i];
            sum0 += row0[i] * value;
            sum1 += row1[i] * value;
            sum2 += row2[i] * value;
            sum3 += row3[i] * value;
        }
        input += SHORT_TURN;
        row0 += SHORT_TURN;
        row1 += SHORT_TURN;
        row2 += SHORT_TURN;
        row3 += SHORT_TURN;
    }
    while (input < end) {
        const int32_t value = *input++;
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
