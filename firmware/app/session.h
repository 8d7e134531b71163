/*
 * session.h - the device side of the protocol: sequence numbers, kept answers, refusals.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests that may be on their way at once: as many answers are kept for repetition. */
enum { APP_WINDOW = 4 };

/* Start over: no peer is known. */
void app_session_init(void);

/* Take bytes from the link and answer every packet that they complete.  Any bytes are safe. */
void app_session_receive(const uint8_t *bytes, size_t count);

/* The peer has said bye, and was answered. */
bool app_session_ended(void);

#endif
