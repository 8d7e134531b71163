/* Runs a generated model over frames from standard input; tests/native/__init__.py is the other side.
 *
 * In:  one byte, 1 when MODEL_GATE_BYTES of forced gates follow per frame, 2 when a limit (2 bytes) does; then per frame
 *      [forced or limit][input].
 * Out: per frame the output, the gate bytes, the MACs (little endian), and the whole state.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef MODEL_INPUT_IS_INT16
typedef int16_t input_t;
#else
typedef int8_t input_t;
#endif
#ifdef MODEL_OUTPUT_IS_INT16
typedef int16_t output_t;
#else
typedef int8_t output_t;
#endif

int main(void)
{
    static model_t model;
    static input_t input[MODEL_INPUT_SIZE];
    static output_t output[MODEL_OUTPUT_SIZE];
    static uint8_t forced[MODEL_GATE_BYTES];
    const int kind = getchar();

    model_reset(&model);
    while (1) {
        if (kind == 1) {
            if (fread(forced, 1, sizeof forced, stdin) != sizeof forced) {
                return 0;
            }
            model_force_gates(&model, forced);
        }
        if (kind == 2) {
            uint16_t most;
            if (fread(&most, sizeof most, 1, stdin) != 1) {
                return 0;
            }
            model_set_limit(&model, most);
        }
        /* A heap copy of exact size lets the address sanitizer see every overrun. */
        input_t *frame = malloc(sizeof input);
        if (frame == NULL || fread(frame, 1, sizeof input, stdin) != sizeof input) {
            free(frame);
            return 0;
        }
        const uint32_t macs = model_frame(&model, frame, output);
        free(frame);
        fwrite(output, 1, sizeof output, stdout);
        fwrite(model_gates(&model), 1, MODEL_GATE_BYTES, stdout);
        fwrite(&macs, sizeof macs, 1, stdout);
        fwrite(&model.state, sizeof model.state, 1, stdout);
    }
}
