#include "slimse_rescale_affine_s8.h"

#include <arm_mve.h>

/* Bits that a saturating shift to the left leaves above the point: those of int8. */
enum { POINT = 24 };

/* Channels of one position; in assembly because gcc 12 knows no loops with tail predication. */
static inline void rescale(const int8_t *input, int8_t *output, uint32_t channels, int32x4_t factor, int32_t added,
                           int32_t left)
{
    __asm volatile("dlstp.32 lr, %[channels]\n"
                   "1:\tvldrb.s32 q0, [%[input]], #4\n\t"
                   "vmlas.s32 q0, %q[factor], %[added]\n\t"
                   "vqshl.s32 q0, %[left]\n\t"
                   "vshr.s32 q0, q0, %[point]\n\t"
                   "vstrb.32 q0, [%[output]], #4\n\t"
                   "letp lr, 1b"
                   : [input] "+l"(input), [output] "+l"(output)
                   : [channels] "r"(channels), [factor] "w"(factor), [added] "r"(added), [left] "r"(left),
                     [point] "i"(POINT)
                   : "q0", "lr", "memory");
}

void slimse_rescale_affine_s8(const slimse_rescale_affine_s8_t *layer, const int8_t *input, int8_t *output)
{
    const int32x4_t factor = vdupq_n_s32(layer->a);

    for (uint32_t position = 0; position < layer->positions; position++) {
        rescale(input, output, layer->channels, factor, layer->c, POINT - layer->shift);
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
