/*
 * mlperf.h - the serial command set of the MLPerf Tiny benchmark's runner, in place of our protocol.
 *
 * Commands are text that ends with '%', answers are lines of text, the last one "m-ready".  See
 * docs/protocol.md.  The command set is that of github.com/mlcommons/tiny, benchmark/api.
 */
#ifndef APP_MLPERF_H
#define APP_MLPERF_H

#include <stddef.h>
#include <stdint.h>

/* Say that the firmware has started. */
void app_mlperf_init(void);

/* Take bytes from the link and answer every command that they complete.  Any bytes are safe. */
void app_mlperf_receive(const uint8_t *bytes, size_t count);

#endif
