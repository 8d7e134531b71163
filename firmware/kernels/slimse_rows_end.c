#include "slimse_rows_end.h"

#include <string.h>

void slimse_rows_limit(int8_t *output, uint32_t rows, int32_t low, int32_t high)
{
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    for (uint32_t row = 0; row < rows; row++) {
        const int32_t at_least = output[row] < low ? low : output[row];
        output[row] = (int8_t)(at_least > high ? high : at_least);
    }
}

void slimse_rows_close(int8_t *output, uint32_t rows, const slimse_gate_t *gate, int is_whole, int32_t zero,
                       int32_t low, int32_t high)
{
    if (gate == NULL || gate->open_count == rows || (is_whole == 0 && zero >= low && zero <= high)) {
        return;
    }
    for (uint32_t first = 0; first < rows; first += 32U) {
        const uint32_t left = rows - first;
        uint32_t open = 0;

        memcpy(&open, &gate->bits[first / 8U], left < 32U ? (left + 7U) / 8U : sizeof open);
        uint32_t closed = left < 32U ? ~open & ((1U << left) - 1U) : ~open;
        for (; closed != 0U; closed &= closed - 1U) {
            output[first + (uint32_t)__builtin_ctz(closed)] = (int8_t)zero;
        }
    }
}
