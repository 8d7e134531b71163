/*
 * requests.h - what the firmware answers to each request.
 */
#ifndef APP_REQUESTS_H
#define APP_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

/* Errors and repairs of the link since start, told by a status request. */
typedef struct {
    uint32_t damaged;      /* frames with bad stuffing, checksum or length */
    uint32_t out_of_order; /* sound packets after a gap */
    uint32_t repeated;     /* requests answered from the kept answer */
} app_link_counts_t;

/* One sound request. */
typedef struct {
    uint8_t type;
    uint16_t sequence;
    const uint8_t *payload;
    uint32_t count; /* bytes of payload */
    const app_link_counts_t *link;
} app_request_t;

/* Is this a hello that starts a session? */
bool app_request_is_hello(const app_request_t *request);

/* The number by which a hello is told from those of other sessions. */
uint32_t app_request_nonce(const app_request_t *request);

/* A session starts: what earlier answers have told need not be known to this peer. */
void app_requests_begin(void);

/* Carry the request out and fill `reply`, not yet sealed. */
void app_request_answer(const app_request_t *request, app_reply_t *reply);

#endif
