/*
 * fuzz_hoarder.c - keeps as many megabytes as HOARD_MB says (libFuzzer).
 *
 * No code of the firmware: what a limit of memory is tried on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *volatile kept;
    const char *const megabytes = getenv("HOARD_MB");

    (void)data, (void)size;
    if (kept == NULL && megabytes != NULL) {
        const size_t bytes = strtoul(megabytes, NULL, 10) << 20;

        kept = malloc(bytes);
        (void)memset(kept, 1, bytes);
    }
    return 0;
}
