/** Requantization of vectors, equal to slimse_arithmetic.h element by element. */
#ifndef SLIMSE_REQUANTIZE_H
#define SLIMSE_REQUANTIZE_H

/*
 * Where a row's sum starts, there is its shift too: 2^26 x shift + bias.  A sum below 2^25 in magnitude leaves the
 * shift to be rounded off, and is what remains.  A shift of its own would be a byte a row, and a load.
 */
#define SLIMSE_SUM_BITS 26
#define SLIMSE_BELOW_SHIFT (-(1 << SLIMSE_SUM_BITS)) /* times the shift: takes it away from the sum */

#ifdef __ASSEMBLER__

/* Fields of slimse_rescaling_t. */
    .set OUTPUT_OFFSET, 4
    .set IS_RECTIFIED, 6

/* Ties go away from zero: a negative value is one less before it is rounded half up. */
.macro round_away value, spare
    vshr.s32 \spare, \value, #31
    vadd.i32 \value, \value, \spare
.endm

/*
 * Eight rows: the sums of even ones in q2, of odd ones in q3, with their shifts, to int8 in the lower bytes of q0.
 * VLD2 parts the multipliers likewise, and narrowing in pairs brings the rows back in order.
 */
.macro requantize_eight rectify, multipliers, below_shift, zero_point
    vrshr.s32 q4, q2, #SLIMSE_SUM_BITS
    vld20.32 {q0, q1}, [\multipliers]
    vmla.s32 q2, q4, \below_shift
    vrshr.s32 q5, q3, #SLIMSE_SUM_BITS
    vld21.32 {q0, q1}, [\multipliers]!
    vmla.s32 q3, q5, \below_shift
    vqrdmulh.s32 q0, q2, q0
    vqrdmulh.s32 q1, q3, q1
.if \rectify == 0
    round_away q0, q2
    round_away q1, q3
.endif
    vrshl.s32 q0, q0, q4
    vrshl.s32 q1, q1, q5
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
.if \rectify == 0
    vqadd.s16 q0, q0, \zero_point
    vqmovnb.s16 q0, q0
.else
    vqmovunb.s16 q0, q0
    vadd.i16 q0, q0, \zero_point
.endif
.endm

#else

#include <arm_mve.h>
#include <stdint.h>

/** Requantization of the rows of a layer: every shift is -31 .. -1, the clamp is int8's. */
typedef struct {
    const int32_t *multiplier; /**< [rows, to a multiple of 8] Q31 */
    int16_t output_offset;     /**< the output's zero point */
    uint8_t is_rectified;      /**< 1: that is -128: a negative value is cut off, so its ties need no care */
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

/** Four rows' outputs from their sums, each with its shift. */
static inline int32x4_t slimse_rescale_vector(const slimse_rescaling_t *to, int32x4_t sum, int32x4_t multiplier)
{
    const int32x4_t shift = vrshrq_n_s32(sum, SLIMSE_SUM_BITS);
    const int32x4_t high = vqrdmulhq_s32(vmlaq_n_s32(sum, shift, SLIMSE_BELOW_SHIFT), multiplier);
    const int32x4_t scaled = vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), shift);
    const int32x4_t output = vaddq_n_s32(scaled, to->output_offset);
    return vmaxq_s32(vminq_s32(output, vdupq_n_s32(INT8_MAX)), vdupq_n_s32(INT8_MIN));
}

/**
 * Requantize and store the sums of consecutive rows.
 *
 * @param row The first of them.
 * @param count 1 or more.
 * @param sums [count, to a multiple of 8] each with its shift
 * @param output [count]
 */
void slimse_requantize_rows(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                            int8_t *output);

/** slimse_requantize_rows of the sums plus one number. */
void slimse_requantize_plus(const slimse_rescaling_t *to, uint32_t row, uint32_t count, const int32_t *sums,
                            int8_t *output, int32_t plus);

/**
 * Requantize and store the sums of a layer's rows at many positions.
 *
 * @param rows 1 or more.
 * @param positions 1 or more.
 * @param sums [positions][rows, to a multiple of 4] each with its shift; 4 behind them are read but do not count
 * @param output [positions][output_pitch], of which the first rows are written
 */
void slimse_requantize_positions(const slimse_rescaling_t *to, uint32_t rows, uint32_t positions, const int32_t *sums,
                                 int8_t *output, uint32_t output_pitch);

/**
 * Requantize and store the sums of listed rows.
 *
 * @param open [count] the rows
 * @param count 1 or more.
 * @param sums [count] each with its shift
 * @param output Where row 0 goes.
 */
void slimse_requantize_listed(const slimse_rescaling_t *to, const uint16_t *open, uint32_t count, const int32_t *sums,
                              int8_t *output);

#endif
#endif
