/** What core the kernels of this project need: one with the DSP extension, such as Cortex-M4, M7, M33, M55. */
#ifndef SLIMSE_TARGET_H
#define SLIMSE_TARGET_H

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)
#error "This model was compiled for a core with the DSP extension: compile it again for this one's board, or for any."
#endif

#endif
