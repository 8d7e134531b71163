/** What core the kernels of this project need: one with Helium (MVE), such as Cortex-M55. */
#ifndef SLIMSE_TARGET_H
#define SLIMSE_TARGET_H

#if !defined(__ARM_FEATURE_MVE) || !defined(__ARM_FEATURE_DSP)
#error "This model was compiled for a core with Helium: compile it again for this one's board, or for any."
#endif

#endif
