/** Requantization of vectors, equal to slimse_arithmetic.h element by element. */
#ifndef SLIMSE_REQUANTIZE_H
#define SLIMSE_REQUANTIZE_H

#include <arm_mve.h>
#include <stdint.h>

/** What the compiler knows of all rows of a layer, and so which steps of the requantization its kernels leave out. */
enum {
    SLIMSE_ROUNDS_ANY = 0,    /**< nothing */
    SLIMSE_ROUNDS_RIGHT = 1,  /**< every shift is -31 .. -1, the clamp is int8's */
    SLIMSE_ROUNDS_RECTIFY = 2 /**< so, and the output's zero point is -128: a negative value is cut off, so its ties too */
};

/** Requantization of the rows of a layer. */
typedef struct {
    const int32_t *multiplier; /**< [rows, to a multiple of 16] Q31 */
    const int8_t *shift;       /**< [rows, to a multiple of 16] left when positive */
    int16_t output_offset;     /**< the output's zero point */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
    uint8_t rounds;            /**< SLIMSE_ROUNDS_... */
} slimse_rescaling_t;

/** value * multiplier * 2^(shift - 31), rounded twice. */
static inline int32x4_t slimse_requantize_vector(int32x4_t value, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t right = vminq_s32(shift, vdupq_n_s32(0));
    const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0));
    const int32x4_t high = vqrdmulhq_s32(vqshlq_s32(value, left), multiplier);
    /* Ties go away from zero: a negative value is one less before it is rounded half up, if it is rounded. */
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}

/** Zero point and clamp of scaled values. */
static inline int32x4_t slimse_clamp_vector(const slimse_rescaling_t *to, int32x4_t scaled)
{
    const int32x4_t low = vdupq_n_s32(to->output_min - to->output_offset);
    const int32x4_t high = vdupq_n_s32(to->output_max - to->output_offset);
    return vaddq_n_s32(vmaxq_s32(vminq_s32(scaled, high), low), to->output_offset);
}

/**
 * Requantize and store the sums of consecutive rows, clamp included.
 *
 * @param row The first of them.
 * @param count 1 or more.
 * @param sums [count, to a multiple of 16]
 * @param output [count]
 */
void slimse_requantize_rows(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                            int8_t *output);

/** slimse_requantize_rows whatever the layer's rounds are. */
void slimse_requantize_any(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                           int8_t *output);

/**
 * Requantize and store the sums of a layer's rows at many positions, clamp included.
 *
 * @param rows 1 or more.
 * @param positions 1 or more.
 * @param sums [positions][rows, to a multiple of 4], and behind them 12 that are read but do not count
 * @param output [positions][output_pitch], of which the first rows are written
 */
void slimse_requantize_positions(const slimse_rescaling_t *to, uint32_t rows, uint32_t positions, const int32_t *sums,
                                 int8_t *output, uint32_t output_pitch);

/** slimse_requantize_positions whatever the layer's rounds are. */
void slimse_requantize_positions_any(const slimse_rescaling_t *to, uint32_t rows, uint32_t positions,
                                     const int32_t *sums, int8_t *output, uint32_t output_pitch);

/** slimse_requantize_rows of the sums plus one number. */
void slimse_requantize_plus(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                            int8_t *output, int32_t plus);

/** slimse_requantize_plus whatever the layer's rounds are. */
void slimse_requantize_plus_any(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                                int8_t *output, int32_t plus);

/**
 * Requantize and store the sums of listed rows, clamp included.
 *
 * @param open [count] the rows
 * @param count 1 or more.
 * @param sums [count]
 * @param output Where row 0 goes.
 */
void slimse_requantize_listed(const slimse_rescaling_t *to, const uint16_t *open, uint32_t count, const int32_t *sums,
                              int8_t *output);

/** slimse_requantize_listed whatever the layer's rounds are. */
void slimse_requantize_listed_any(const slimse_rescaling_t *to, const uint16_t *open, uint32_t count,
                                  const int32_t *sums, int8_t *output);

#endif
