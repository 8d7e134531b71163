#include "mlperf.h"

#include <stdbool.h>
#include <string.h>

#include "engine.h"
#include "hal.h"

#ifndef APP_MLPERF_MOST_RUNS
#define APP_MLPERF_MOST_RUNS 1000000000u /* of `infer` */
#endif

enum {
    COMMAND_SIZE = 80,    /* longest command */
    DEFAULT_WARMUPS = 10, /* of `infer` without a second number */
    BYTES_PER_LINE = 8    /* of `db print` */
};

#define TERMINATOR '%'

static struct {
    char command[COMMAND_SIZE + 1];
    uint32_t length;
    bool too_long;

    uint8_t input[APP_INPUT_BYTES]; /* what `db` loads */
    uint32_t expected;              /* bytes that `db load` has announced */
    uint32_t loaded;
    uint8_t output[APP_OUTPUT_BYTES];

    uint64_t ticks; /* of hal_counter() since start, as far as looked at */
    uint32_t last;
} state;

/* ---- answers ---- */

static void put(const char *text)
{
    const size_t count = strlen(text);
    size_t sent = 0;

    while (sent < count) {
        sent += hal_write((const uint8_t *)text + sent, count - sent);
    }
}

static void put_number(uint64_t value)
{
    char digits[21];
    size_t first = sizeof digits - 1;

    digits[first] = '\0';
    do {
        first--;
        digits[first] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    put(&digits[first]);
}

static void put_hex(uint8_t value)
{
    static const char digits[] = "0123456789abcdef";
    const char text[3] = {digits[value >> 4], digits[value & 15u], '\0'};

    put(text);
}

/* A number with three decimals, rounded to the nearest, halves away from zero. */
static void put_real(float value)
{
    const float magnitude = value < 0.0f ? -value : value;
    const uint32_t thousandths =
        magnitude < 4000000.0f ? (uint32_t)(magnitude * 1000.0f + 0.5f) : 4000000000u;
    const uint32_t rest = thousandths % 1000u;
    const char decimals[5] = {'.', (char)('0' + rest / 100u), (char)('0' + rest / 10u % 10u),
                              (char)('0' + rest % 10u), '\0'};

    put(value < 0.0f && thousandths != 0 ? "-" : "");
    put_number(thousandths / 1000u);
    put(decimals);
}

static void put_named(const char *name, const char *value)
{
    put(name);
    put("-[");
    put(value);
    put("]\r\n");
}

static void put_error(const char *what)
{
    put_named("e", what);
}

/* ---- time ---- */

/* The counter may wrap every few seconds; who waits for no longer than that between calls loses none. */
static void look_at_clock(void)
{
    const uint32_t now = hal_counter();

    state.ticks += (uint32_t)(now - state.last);
    state.last = now;
}

static void timestamp(void)
{
    const hal_info_t *hal = hal_info();
    const uint32_t hz = hal->counter_hz != 0 ? hal->counter_hz : hal->clock_hz;

    look_at_clock();
    put("m-lap-us-");
    put_number(hz == 0 ? 0 : state.ticks / hz * 1000000u + state.ticks % hz * 1000000u / hz);
    put("\r\n");
}

/* ---- words of a command ---- */

/* The next word, ended by a zero, and `*rest` moved behind it; NULL when there is none. */
static char *next_word(char **rest)
{
    char *word = *rest;
    char *end;

    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        return NULL;
    }
    for (end = word; *end != ' ' && *end != '\0'; end++) {
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

/* A decimal number up to `most`; false when `word` is none. */
static bool parse_number(const char *word, uint32_t most, uint32_t *value)
{
    uint32_t result = 0;

    for (const char *digit = word; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || result > most / 10u) {
            return false;
        }
        result = 10u * result + (uint32_t)(*digit - '0');
    }
    *value = result;
    return result <= most;
}

/* The value of a hexadecimal digit; -1 when it is none. */
static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* ---- commands ---- */

static void load(char **rest)
{
    const char *word = next_word(rest);

    state.loaded = 0;
    state.expected = 0;
    if (word == NULL) {
        put_error("Command 'db load' requires the # of bytes");
    } else if (!parse_number(word, sizeof state.input, &state.expected) || state.expected == 0) {
        state.expected = 0;
        put("e-[Command 'db load' takes 1 to ");
        put_number(sizeof state.input);
        put(" bytes]\r\n");
    } else {
        put("m-[Expecting ");
        put_number(state.expected);
        put(" bytes]\r\n");
    }
}

static void take_hex(const char *digits)
{
    if (strlen(digits) % 2 != 0) {
        put_error("Insufficent number of hex digits");
        return;
    }
    for (; *digits != '\0' && state.loaded < state.expected; digits += 2) {
        const int high = hex_digit(digits[0]);
        const int low = hex_digit(digits[1]);

        if (high < 0 || low < 0) {
            put_error("Invalid hex digit");
            return;
        }
        state.input[state.loaded] = (uint8_t)(16 * high + low);
        state.loaded++;
        if (state.loaded == state.expected) {
            put("m-load-done\r\n");
        }
    }
}

static void print_input(void)
{
    for (uint32_t i = 0; i < state.expected; i++) {
        const bool is_last = (i + 1) % BYTES_PER_LINE == 0 || i + 1 == state.expected;

        put(i % BYTES_PER_LINE == 0 ? "m-buffer-" : "");
        put_hex(state.input[i]);
        put(is_last ? "\r\n" : "-");
    }
}

static void buffer(char **rest)
{
    char *word = next_word(rest);

    if (word == NULL) {
        put_error("Command 'db' requires a subcommand");
    } else if (strcmp(word, "load") == 0) {
        load(rest);
    } else if (strcmp(word, "print") == 0) {
        print_input();
    } else if (state.expected == 0) {
        put_error("Command 'db load' comes first");
    } else {
        take_hex(word);
    }
}

static void results(void)
{
    put("m-results-[");
    for (uint32_t i = 0; i < MODEL_OUTPUT_SIZE; i++) {
        app_output_t value;

        memcpy(&value, &state.output[i * sizeof value], sizeof value);
        put(i == 0 ? "" : ",");
        put_real(MODEL_OUTPUT_SCALE * (float)((int32_t)value - (MODEL_OUTPUT_ZERO_POINT)));
    }
    put("]\r\n");
}

static void run(uint32_t times)
{
    for (; times > 0; times--) {
        (void)app_engine_features(state.input, state.output);
        look_at_clock();
    }
}

static void infer(char **rest)
{
    uint32_t runs = 1;
    uint32_t warmups = DEFAULT_WARMUPS;
    const char *word = next_word(rest);

    if (word != NULL && (!parse_number(word, APP_MLPERF_MOST_RUNS, &runs) || runs == 0)) {
        put_error("Inference iterations must be >0");
        return;
    }
    word = word == NULL ? NULL : next_word(rest);
    if (word != NULL && !parse_number(word, APP_MLPERF_MOST_RUNS, &warmups)) {
        put_error("Inference warmup must be >=0");
        return;
    }
    if (state.expected != APP_INPUT_BYTES || state.loaded != state.expected) {
        put("e-[The input has ");
        put_number(APP_INPUT_BYTES);
        put(" bytes: load them first]\r\n");
        return;
    }
    app_engine_reset(); /* so that the same command always has the same result */
    put("m-warmup-start-");
    put_number(warmups);
    put("\r\n");
    run(warmups);
    put("m-warmup-done\r\nm-infer-start-");
    put_number(runs);
    put("\r\n");
    hal_flush(); /* no byte of this is sent while time is taken */
    timestamp();
    hal_flush();
    run(runs);
    timestamp();
    put("m-infer-done\r\n");
    results();
}

static void help(void)
{
    put("slimse-mcu with the commands of the MLPerf Tiny runner, each ended by %\r\n"
        "name         : name of the board\r\n"
        "profile      : command set and model\r\n"
        "timestamp    : time since start in microseconds\r\n"
        "db load N    : expect N bytes of input\r\n"
        "db HH[HH]*   : the next of them, in hexadecimal\r\n"
        "db print     : the input\r\n"
        "infer N [W]  : reset, W warm-up frames (10), N frames of the same input\r\n"
        "results      : output of the last frame\r\n");
}

static void carry_out(char *command)
{
    char *rest = command;
    const char *word = next_word(&rest);

    if (word == NULL) {
        return; /* nothing but a terminator: the runner ends what was cut short */
    }
    if (strcmp(word, "name") == 0) {
        put_named("m-name-dut", hal_info()->board);
    } else if (strcmp(word, "profile") == 0) {
        put_named("m-profile", "ULPMark for tinyML Firmware V0.0.1");
        put_named("m-model", model_info.name);
    } else if (strcmp(word, "timestamp") == 0) {
        timestamp();
    } else if (strcmp(word, "db") == 0) {
        buffer(&rest);
    } else if (strcmp(word, "infer") == 0) {
        infer(&rest);
    } else if (strcmp(word, "results") == 0) {
        results();
    } else if (strcmp(word, "help") == 0) {
        help();
    } else {
        put("e-[Unknown command: ");
        put(word);
        put("]\r\n");
    }
}

static void end_command(void)
{
    state.command[state.length] = '\0';
    if (state.too_long) {
        put_error("Command too long");
    } else {
        carry_out(state.command);
    }
    put("m-ready\r\n");
    hal_flush();
    state.length = 0;
    state.too_long = false;
}

void app_mlperf_init(void)
{
    state.last = hal_counter();
    put("m-init-done\r\nm-ready\r\n");
    hal_flush();
}

void app_mlperf_receive(const uint8_t *bytes, size_t count)
{
    look_at_clock();
    for (size_t i = 0; i < count; i++) {
        const char character = (char)bytes[i];

        if (character == TERMINATOR) {
            end_command();
        } else if (character < ' ' || character > '~') {
            continue; /* line ends of terminals, and noise */
        } else if (state.length < COMMAND_SIZE) {
            state.command[state.length] = character;
            state.length++;
        } else {
            state.too_long = true;
        }
    }
}
