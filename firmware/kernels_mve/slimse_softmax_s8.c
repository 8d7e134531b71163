#include "slimse_softmax_s8.h"
#include "slimse_reciprocal.h"

#include <arm_mve.h>

static int8x16_t highest_of(const int8_t *input, uint32_t size)
{
    int8_t highest = INT8_MIN;

    for (uint32_t i = 0; i < size; i += 16U) {
        const mve_pred16_t some = vctp8q(size - i);
        highest = vmaxvq_p_s8(highest, vldrbq_z_s8(&input[i], some), some);
    }
    return vdupq_n_s8(highest);
}

/* The exponentials of four inputs. */
static inline int32x4_t exponential(const int32_t *exponentials, int32x4_t highest, const int8_t *input,
                                    mve_pred16_t some)
{
    const int32x4_t below = vsubq_x_s32(highest, vldrbq_z_s32(input, some), some);
    return vldrwq_gather_shifted_offset_z_s32(exponentials, vreinterpretq_u32_s32(below), some);
}

static void softmax(const int32_t *exponentials, const int8_t *input, uint32_t size, int8_t *output)
{
    const int32x4_t highest = vmovlbq_s16(vmovlbq_s8(highest_of(input, size)));
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i += 4U) {
        const int32x4_t one = exponential(exponentials, highest, &input[i], vctp32q(size - i));
        sum = vaddvaq_u32(sum, vreinterpretq_u32_s32(vrshrq_n_s32(one, SLIMSE_SUM_INTEGER_BITS)));
    }
    const slimse_share_t share = slimse_share_of(sum);
    for (uint32_t i = 0; i < size; i += 4U) {
        const mve_pred16_t some = vctp32q(size - i);
        const int32x4_t one = exponential(exponentials, highest, &input[i], some);
        const int32x4_t part = vrshlq_n_s32(vqrdmulhq_n_s32(one, share.factor), -share.shift);

        vstrbq_p_s32(&output[i], vaddq_n_s32(vminq_s32(part, vdupq_n_s32(UINT8_MAX)), INT8_MIN), some);
    }
}

void slimse_softmax_s8(const slimse_softmax_s8_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t size = layer->size;

    for (uint32_t left = layer->positions; left > 0U; left--) {
        softmax(layer->exp, input, size, output);
        input += size;
        output += size;
    }
}
