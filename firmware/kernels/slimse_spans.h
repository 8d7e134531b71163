/** Which channels of an input are read: the open ranges of a gated tensor, or all of them. */
#ifndef SLIMSE_SPANS_H
#define SLIMSE_SPANS_H

#include "slimse.h"

/**
 * The given ranges, or one that covers all channels.
 *
 * @param spans NULL: all channels are open.
 * @param whole Room for that range.
 */
static inline const slimse_spans_t *slimse_spans_or_whole(const slimse_spans_t *spans, uint16_t channels,
                                                          slimse_spans_t *whole)
{
    if (spans != NULL) {
        return spans;
    }
    whole->ranges = 0;
    whole->channels = 0;
    slimse_spans_add(whole, 0, channels);
    return whole;
}

#endif
