/*
 * protocol.h - numbers of the serial protocol, version 2.  docs/protocol.md explains them.
 *
 * A packet is type (1 byte), sequence number (2), payload, CRC-32 of all before (4), little-endian.
 */
#ifndef APP_PROTOCOL_H
#define APP_PROTOCOL_H

enum {
    APP_PROTOCOL_VERSION = 2,
    APP_PACKET_HEADER = 3,
    APP_PACKET_CRC = 4,
    APP_PACKET_OVERHEAD = 7
};

/* First four bytes of a hello request: "SLIM". */
#define APP_MAGIC 0x4D494C53u

/* Requests.  The answer carries the same sequence number and the type with bit 7 set. */
enum {
    APP_HELLO = 0x01,
    APP_DESCRIBE = 0x02,
    APP_RESET = 0x03,
    APP_CONFIGURE = 0x04,
    APP_FRAME = 0x05,
    APP_LAYERS = 0x06,
    APP_DUMP = 0x07,
    APP_STATUS = 0x08,
    APP_BYE = 0x09,
    APP_ANSWER = 0x80, /* this bit */
    APP_ERROR = 0xF0,  /* answer to a sound packet that asks for something impossible */
    APP_NAK = 0xF1,    /* a packet was lost or damaged: repeat from the sequence number given; both ways */
    APP_FAULT = 0xF2   /* the last words of a board that hit a fault */
};

/* Why a packet was refused (first payload byte of APP_NAK). */
enum {
    APP_NAK_ASKED = 0,    /* nothing is wrong: the peer asked for answers */
    APP_NAK_STUFFING = 1, /* not a COBS frame */
    APP_NAK_CRC = 2,      /* checksum differs */
    APP_NAK_LONG = 3,     /* more bytes than any request has */
    APP_NAK_SHORT = 4,    /* fewer bytes than any packet has */
    APP_NAK_ORDER = 5,    /* sound, but packets before it are missing */
    APP_NAK_STRANGER = 6  /* no hello yet: the board has restarted */
};

/* Why a request was turned down (first payload byte of APP_ERROR). */
enum {
    APP_ERROR_TYPE = 1,        /* unknown request */
    APP_ERROR_LENGTH = 2,      /* payload of the wrong size */
    APP_ERROR_ARGUMENT = 3,    /* value out of range */
    APP_ERROR_UNSUPPORTED = 4  /* this firmware cannot: no front end, or not instrumented */
};

/* What a frame carries (configure). */
enum { APP_MODE_FEATURES = 0, APP_MODE_PCM = 1, APP_MODE_PACKED = 2 };

/* Who decides the gates (configure). */
enum {
    APP_GATES_MODEL = 0,
    APP_GATES_OPEN = 1,
    APP_GATES_CLOSED = 2,
    APP_GATES_PATTERN = 3
};

/* What is described (describe). */
enum { APP_DESCRIBE_GATES = 0, APP_DESCRIBE_BUFFERS = 1, APP_DESCRIBE_LAYERS = 2 };

#endif
