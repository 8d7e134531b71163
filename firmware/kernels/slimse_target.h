/** What core the kernels of this project need: any. */
#ifndef SLIMSE_TARGET_H
#define SLIMSE_TARGET_H

#endif
