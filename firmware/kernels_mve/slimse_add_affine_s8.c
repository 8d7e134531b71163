#include "slimse_add_affine_s8.h"
#include "slimse_channels.h"

/* Bits that a saturating shift to the left leaves above the point: those of int8. */
enum { POINT = 24 };

/* In assembly because gcc 12 knows no loops with tail predication. */
static inline void add_all(const slimse_add_affine_s8_t *layer, const int8_t *input0, const int8_t *input1,
                           int8_t *output)
{
    const int32x4_t first = vdupq_n_s32(layer->a);

    __asm volatile("dlstp.32 lr, %[size]\n"
                   "1:\tvldrb.s32 q0, [%[input0]], #4\n\t"
                   "vldrb.s32 q1, [%[input1]], #4\n\t"
                   "vmlas.s32 q0, %q[first], %[constant]\n\t"
                   "vmla.s32 q0, q1, %[second]\n\t"
                   "vqshl.s32 q0, %[left]\n\t"
                   "vshr.s32 q0, q0, %[point]\n\t"
                   "vstrb.32 q0, [%[output]], #4\n\t"
                   "letp lr, 1b"
                   : [input0] "+l"(input0), [input1] "+l"(input1), [output] "+l"(output)
                   : [size] "r"((uint32_t)layer->size), [first] "w"(first), [second] "r"(layer->b),
                     [constant] "r"(layer->c), [left] "r"(POINT - layer->shift), [point] "i"(POINT)
                   : "q0", "q1", "lr", "memory");
}

void slimse_add_affine_s8(const slimse_add_affine_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                          const int8_t *input1, int8_t *output)
{
    add_all(layer, input0, input1, output);
    if (layer->output_min != INT8_MIN || layer->output_max != INT8_MAX) {
        slimse_clamp_s8(output, layer->output_min, layer->output_max, layer->size);
    }
    if (channels != NULL) {
        slimse_close_s8(channels, layer->size, layer->output_offset, output);
    }
}
