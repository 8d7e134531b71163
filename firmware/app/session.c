#include "session.h"

#include "hal.h"
#include "link.h"
#include "reply.h"
#include "requests.h"

enum { FAULT_COPIES = 3 };

static struct {
    app_decoder_t decoder;
    uint8_t packet[APP_REQUEST_MAX];
    uint8_t answers[APP_WINDOW][APP_REPLY_MAX];
    app_reply_t kept[APP_WINDOW]; /* the last answers; slot = sequence number % APP_WINDOW */
    app_link_counts_t counts;
    uint32_t nonce;    /* of the hello that started the session */
    uint16_t expected; /* sequence number of the next request */
    bool greeted;      /* hello came: nonce and `expected` mean something */
    uint8_t turn;      /* the last that the peer told: what is said later belongs to it */
    bool gap;          /* a gap was reported and has not closed yet */
    bool ended;
} session;

static void write_all(const uint8_t *bytes, size_t count)
{
    size_t sent = 0;

    while (sent < count) {
        sent += hal_write(bytes + sent, count - sent);
    }
}

static void send_reply(const app_reply_t *reply)
{
    static const uint8_t delimiter = 0;
    uint8_t block[255];
    size_t position = 0;
    size_t size;

    while ((size = app_encode_block(reply->packet, reply->count, &position, block)) != 0) {
        write_all(block, size);
    }
    write_all(&delimiter, 1);
    hal_flush();
}

static void refuse(uint8_t reason)
{
    uint8_t packet[APP_PACKET_OVERHEAD + 2];
    app_reply_t notice = {.packet = packet, .capacity = sizeof packet};

    app_reply_begin(&notice, APP_NAK, session.expected);
    app_reply_u8(&notice, reason);
    app_reply_u8(&notice, session.turn);
    app_reply_seal(&notice);
    send_reply(&notice);
}

/* A damaged frame: whatever it was, the peer must go on from `expected`. */
static void damaged(uint8_t reason)
{
    session.counts.damaged++;
    session.gap = true; /* what follows the lost packet need not be refused one by one */
    refuse(reason);
}

static void forget_answers(void)
{
    for (size_t i = 0; i < APP_WINDOW; i++) {
        session.kept[i] = (app_reply_t){.packet = session.answers[i], .capacity = APP_REPLY_MAX};
    }
}

/* A hello that was repeated or doubled on its way starts nothing: its session goes on. */
static void greet(const app_request_t *request)
{
    const uint32_t nonce = app_request_nonce(request);

    if (session.greeted && session.nonce == nonce) {
        return;
    }
    session.greeted = true;
    session.nonce = nonce;
    session.expected = request->sequence;
    session.turn = 0;
    session.gap = false;
    forget_answers();
    app_requests_begin();
}

static void answer(const app_request_t *request)
{
    app_reply_t *reply = &session.kept[request->sequence % APP_WINDOW];

    app_request_answer(request, reply);
    app_reply_seal(reply);
    session.expected = (uint16_t)(session.expected + 1u);
    session.gap = false;
    send_reply(reply);
    if (request->type == APP_BYE && request->count == 0) {
        session.ended = true;
    }
}

static bool is_kept(uint16_t sequence)
{
    const app_reply_t *reply = &session.kept[sequence % APP_WINDOW];

    return reply->count != 0 && app_get_u16(reply->packet + 1) == sequence;
}

/* A request that was answered before: if the answer was lost, here it is again. */
static void repeat(uint16_t sequence)
{
    if (is_kept(sequence)) {
        session.counts.repeated++;
        send_reply(&session.kept[sequence % APP_WINDOW]);
    }
}

/* The peer mends the link: it repeats requests now, or misses answers from a number on. */
static void begin_turn(const app_request_t *request)
{
    uint16_t sequence = request->sequence;

    if (request->count != 2) {
        return;
    }
    session.turn = request->payload[0];
    session.gap = false;
    if (request->payload[1] != 0) {
        refuse(APP_NAK_ASKED);
    }
    for (uint32_t i = 0; i < request->payload[1] && sequence != session.expected; i++) {
        repeat(sequence);
        sequence++;
    }
}

static void take_packet(void)
{
    const app_request_t request = {
        .type = session.packet[0],
        .sequence = app_get_u16(session.packet + 1),
        .payload = session.packet + APP_PACKET_HEADER,
        .count = session.decoder.count - APP_PACKET_HEADER,
        .link = &session.counts,
    };
    uint16_t ahead;

    if (app_request_is_hello(&request)) {
        greet(&request);
    } else if (!session.greeted) {
        refuse(APP_NAK_STRANGER);
        return;
    }
    ahead = (uint16_t)(request.sequence - session.expected);
    if (request.type == APP_NAK) {
        begin_turn(&request);
    } else if (ahead == 0) {
        answer(&request);
    } else if (ahead >= 0x8000u) {
        repeat(request.sequence); /* of long ago: came late or doubled, and is answered */
    } else if (!session.gap) {
        session.counts.out_of_order++;
        session.gap = true;
        refuse(APP_NAK_ORDER);
    }
}

void app_session_init(void)
{
    session.counts = (app_link_counts_t){0, 0, 0};
    session.nonce = 0;
    session.expected = 0;
    session.turn = 0;
    session.greeted = false;
    session.gap = false;
    session.ended = false;
    forget_answers();
    app_decoder_init(&session.decoder, session.packet, sizeof session.packet);
}

void app_session_receive(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && !session.ended; i++) {
        switch (app_decoder_push(&session.decoder, bytes[i])) {
        case APP_LINK_PACKET:
            take_packet();
            break;
        case APP_LINK_STUFFING:
            damaged(APP_NAK_STUFFING);
            break;
        case APP_LINK_CRC:
            damaged(APP_NAK_CRC);
            break;
        case APP_LINK_LONG:
            damaged(APP_NAK_LONG);
            break;
        case APP_LINK_SHORT:
            damaged(APP_NAK_SHORT);
            break;
        case APP_LINK_NOTHING:
        default:
            break;
        }
    }
}

bool app_session_ended(void)
{
    return session.ended;
}

void app_fault(const hal_fault_t *fault)
{
    const uint32_t words[] = {
        fault->r0, fault->r1, fault->r2, fault->r3, fault->r12, fault->lr, fault->pc,
        fault->xpsr, fault->sp, fault->cfsr, fault->hfsr, fault->mmfar, fault->bfar,
    };
    static const uint8_t delimiter = 0;
    uint8_t packet[APP_PACKET_OVERHEAD + 3 + sizeof words];
    app_reply_t notice = {.packet = packet, .capacity = sizeof packet};

    app_reply_begin(&notice, APP_FAULT, session.expected);
    app_reply_u8(&notice, fault->exception);
    app_reply_u8(&notice, fault->frame_valid);
    app_reply_u8(&notice, fault->stack_overflow);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        app_reply_u32(&notice, words[i]);
    }
    app_reply_seal(&notice);
    for (int copy = 0; copy < FAULT_COPIES; copy++) { /* nobody can ask for it again */
        write_all(&delimiter, 1); /* end the frame that the fault or the line cut short */
        send_reply(&notice);
    }
}
