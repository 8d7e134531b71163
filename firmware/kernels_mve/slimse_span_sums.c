#include "slimse_span_sums.h"

/* Add what columns contribute, from first of the weights on; from then on the job's biases are its sums. */
static void add_columns(slimse_quads_t *job, const int8_t *weights, uint32_t first, uint32_t columns,
                        const int8_t *input)
{
    if (columns > 0U) {
        job->weights = &weights[4U * first];
        job->input = input;
        job->columns = columns;
        slimse_quads_s8(job);
        job->bias = job->sums;
        job->bias_pitch = 4U * job->quads;
    }
}

void slimse_closed_bias(const slimse_quads_t *job, const slimse_spans_t *spans, uint32_t channels,
                        const int8_t *closed)
{
    slimse_quads_t part = *job;

    for (uint32_t group = 0; group < job->columns; group += channels) {
        uint32_t first = 0;

        for (uint32_t range = 0; range < spans->ranges; range++) {
            const uint32_t end = spans->range[range].first;
            add_columns(&part, job->weights, group + first, end - first, &closed[first]);
            first = end + spans->range[range].count;
        }
        add_columns(&part, job->weights, group + first, channels - first, &closed[first]);
    }
}

void slimse_open_sums(const slimse_quads_t *job, const slimse_spans_t *spans, uint32_t channels)
{
    slimse_quads_t part = *job;

    for (uint32_t group = 0; group < job->columns; group += channels) {
        for (uint32_t range = 0; range < spans->ranges; range++) {
            const uint32_t first = group + spans->range[range].first;
            add_columns(&part, job->weights, first, spans->range[range].count, &job->input[first]);
        }
    }
}
