/*
 * call_trace.c - a plugin for QEMU's translator: which basic blocks ran how often, by call path.
 *
 * Options, each as name=value:
 *   out   file that receives the counts
 *   root  address of a function: count only inside its calls, each call for itself; without it all
 *         is counted from reset to the end
 *   interrupt  address of the interrupt handler, whose code is not counted: it runs now and then,
 *         as the host happens to send
 *
 * The file is text, one record per line, addresses in hex:
 *   window                                  a call of root, or the whole run; its records follow
 *   n ID PARENT SITE ENTRY CALLS            a call path: node PARENT called ENTRY, to return to SITE;
 *                                           node 0 is root itself
 *   b NODE START END COUNT TAKEN            instructions from START up to END ran COUNT times in
 *                                           that node, and did not go on at END TAKEN times
 *   end                                     the window is complete
 *
 * A call is recognized by its instruction, a return by its own or by going on where a call returns
 * to: so a tail call stays in the node of the function that it leaves.  A block that QEMU gives up
 * in the middle (an access to a device does that) is counted up to where it got.
 *
 * Built by call_trace.py.  The interface of QEMU that is used is declared here, so that no header of
 * QEMU has to be installed.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- QEMU's interface for plugins: the part that is needed ------------------------------------ */

#define PUBLIC __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

extern void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *tb, void (*callback)(unsigned, void *), int flags, void *data);
extern void qemu_plugin_register_vcpu_insn_exec_cb(
    struct qemu_plugin_insn *insn, void (*callback)(unsigned, void *), int flags, void *data);
extern void qemu_plugin_register_atexit_cb(
    qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *), void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

enum { NO_REGISTERS = 0 };

PUBLIC int qemu_plugin_version = PLUGIN_VERSION;
PUBLIC int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* ---- what is counted -------------------------------------------------------------------------- */

/* Translated code; never freed, because translations may hold on to it. */
typedef struct block {
    uint32_t start, end;
    bool calls, returns;     /* it ends with a call, or with what may be a return */
    struct block *next;      /* of the same hash */
    uint32_t last_node;      /* where `last_cell` is for; valid in window `last_window` */
    uint32_t last_window;
    uint32_t last_cell;
} block_t;

/* A call path. */
typedef struct {
    uint32_t parent, site, entry;
    uint32_t child, sibling; /* nodes, 0: none */
    uint64_t calls;
} node_t;

/* A block in a node. */
typedef struct {
    uint32_t node;
    block_t *block;
    uint64_t count, taken;
    uint32_t next;           /* cell of the same hash + 1 */
} cell_t;

/* A call that has not returned. */
typedef struct {
    uint32_t site, node;     /* where it returns to: address, and node */
} frame_t;

enum { HASH_BITS = 14, HASH_SIZE = 1 << HASH_BITS, DEPTH = 1024 };

static FILE *out;
static bool has_root, has_interrupt, tracing;
static uint32_t root, interrupt;

static block_t *blocks[HASH_SIZE];
static uint32_t cell_of[HASH_SIZE];
static node_t *nodes;
static cell_t *cells;
static uint32_t node_count, node_room, cell_count, cell_room, window;
static frame_t stack[DEPTH];
static uint32_t depth, node;

static block_t *previous; /* the block that is running */
static bool complete;     /* it has reached its last instruction */

/* The interrupt handler while it runs. */
static struct {
    block_t *block;           /* the block of it that is running; NULL: it does not run */
    uint32_t depth;           /* calls in it that have not returned */
    block_t *interrupted;     /* what `previous` was */
    bool interrupted_complete;
} handler;

static void *grown(void *array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) {
        return array;
    }
    *room = *room == 0 ? 1024 : 2 * *room;
    array = realloc(array, *room * size);
    if (array == NULL) {
        fprintf(stderr, "call_trace: no memory\n");
        exit(1);
    }
    return array;
}

static uint32_t hash(uint32_t a, uint32_t b)
{
    return ((a * 0x9E3779B1u) ^ (b * 0x85EBCA6Bu)) >> (32 - HASH_BITS);
}

static block_t *find_block(uint32_t start, uint32_t end)
{
    block_t **const first = &blocks[hash(start, end)];
    block_t *found = *first;

    while (found != NULL && (found->start != start || found->end != end)) {
        found = found->next;
    }
    if (found == NULL) {
        found = calloc(1, sizeof *found);
        if (found == NULL) {
            fprintf(stderr, "call_trace: no memory\n");
            exit(1);
        }
        found->start = start;
        found->end = end;
        found->next = *first;
        *first = found;
    }
    return found;
}

static cell_t *find_cell(uint32_t in, block_t *block)
{
    uint32_t *first, index;

    if (block->last_window == window && block->last_node == in) {
        return &cells[block->last_cell];
    }
    first = &cell_of[hash(in, block->start)];
    for (index = *first; index != 0; index = cells[index - 1].next) {
        if (cells[index - 1].node == in && cells[index - 1].block == block) {
            break;
        }
    }
    if (index == 0) {
        cells = grown(cells, cell_count, &cell_room, sizeof *cells);
        cells[cell_count] = (cell_t){.node = in, .block = block, .next = *first};
        index = ++cell_count;
        *first = index;
    }
    block->last_window = window;
    block->last_node = in;
    block->last_cell = index - 1;
    return &cells[index - 1];
}

static uint32_t new_node(uint32_t parent, uint32_t site, uint32_t entry)
{
    nodes = grown(nodes, node_count, &node_room, sizeof *nodes);
    nodes[node_count] = (node_t){.parent = parent, .site = site, .entry = entry};
    return node_count++;
}

static uint32_t called(uint32_t site, uint32_t entry)
{
    uint32_t child = nodes[node].child;

    while (child != 0 && (nodes[child].site != site || nodes[child].entry != entry)) {
        child = nodes[child].sibling;
    }
    if (child == 0) {
        child = new_node(node, site, entry);
        nodes[child].sibling = nodes[node].child;
        nodes[node].child = child;
    }
    nodes[child].calls++;
    return child;
}

static void begin(uint32_t entry)
{
    window++;
    node_count = cell_count = depth = 0;
    memset(cell_of, 0, sizeof cell_of);
    node = new_node(0, 0, entry);
    nodes[node].calls = 1;
    tracing = true;
}

static void end(void)
{
    fprintf(out, "window\n");
    for (uint32_t i = 0; i < node_count; i++) {
        fprintf(out, "n %u %u %x %x %llu\n", i, nodes[i].parent, nodes[i].site, nodes[i].entry,
                (unsigned long long)nodes[i].calls);
    }
    for (uint32_t i = 0; i < cell_count; i++) {
        const cell_t *const cell = &cells[i];

        if (cell->count != 0) {
            fprintf(out, "b %u %x %x %llu %llu\n", cell->node, cell->block->start, cell->block->end,
                    (unsigned long long)cell->count, (unsigned long long)cell->taken);
        }
    }
    fprintf(out, "end\n");
    fflush(out);
    tracing = false;
}

/* ---- what happens ----------------------------------------------------------------------------- */

/* The block went on at `next` because QEMU had given it up in the middle. */
static bool given_up(const block_t *from, uint32_t next)
{
    return !complete && from->start < next && next < from->end;
}

/* Calls that have not returned, once one has, to `next`.  Cores without long branches jump far
 * within a function by what looks like a call: such calls end with that of the function.  What looks
 * up a switch there returns to none. */
static uint32_t returned(uint32_t next)
{
    for (uint32_t i = depth; i > 0; i--) {
        if (stack[i - 1].site == next) {
            return i - 1;
        }
    }
    return depth - 1;
}

/* The running block went on at `next`: was it left in the middle, did it call, did it return? */
static void leave(block_t *from, uint32_t next)
{
    if (given_up(from, next)) {
        find_cell(node, from)->count--;
        find_cell(node, find_block(from->start, next))->count++;
        return;
    }
    if (next == from->end) {
        return;
    }
    find_cell(node, from)->taken++;
    if (from->calls && depth < DEPTH) {
        stack[depth++] = (frame_t){.site = from->end, .node = node};
        node = called(from->end, next);
    } else if (depth > 0 && (stack[depth - 1].site == next || from->returns)) {
        depth = returned(next);
        node = stack[depth].node;
    }
}

/* Follow the interrupt handler; true: `block` belongs to it. */
static bool interrupted(block_t *block)
{
    const block_t *const from = handler.block;

    if (from != NULL && block->start != from->end && !given_up(from, block->start)) {
        if (from->returns && handler.depth == 0) {
            handler.block = NULL;
            previous = handler.interrupted;
            complete = handler.interrupted_complete;
        } else {
            handler.depth += from->calls ? 1u : 0u;
            handler.depth -= from->returns ? 1u : 0u;
        }
    }
    if (handler.block == NULL) { /* also right behind another interrupt */
        if (!has_interrupt || block->start != interrupt || previous == NULL) {
            return false;
        }
        handler.interrupted = previous;
        handler.interrupted_complete = complete;
        handler.depth = 0;
    }
    handler.block = block;
    complete = false;
    return true;
}

static void on_block(unsigned vcpu, void *data)
{
    static uint32_t root_site; /* where the call of root returns to */
    block_t *const block = data;

    (void)vcpu;
    if (interrupted(block)) {
        return;
    }
    if (tracing && previous != NULL) {
        if (has_root && depth == 0 && block->start == root_site) {
            find_cell(node, previous)->taken++;
            end();
        } else {
            leave(previous, block->start);
        }
    }
    if (!tracing && (!has_root || (block->start == root && previous != NULL))) {
        root_site = previous != NULL ? previous->end : 0;
        begin(block->start);
    }
    if (tracing) {
        find_cell(node, block)->count++;
    }
    previous = block;
    complete = false;
}

static void on_last_instruction(unsigned vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    complete = true;
}

/* The halfwords of a Thumb instruction, the second 0 where there is none; returns its bytes.  QEMU's
 * own size is too large at the end of a page, where it has looked at the next instruction already. */
static uint32_t decode(const struct qemu_plugin_insn *insn, uint32_t halfword[2])
{
    const unsigned char *const bytes = qemu_plugin_insn_haddr(insn);

    halfword[0] = halfword[1] = 0;
    if (bytes == NULL) {
        return (uint32_t)qemu_plugin_insn_size(insn);
    }
    halfword[0] = bytes[0] | (uint32_t)bytes[1] << 8;
    if (halfword[0] < 0xE800u) {
        return 2;
    }
    halfword[1] = bytes[2] | (uint32_t)bytes[3] << 8;
    return 4;
}

/* BL with an immediate, BLX with a register. */
static bool is_call(const uint32_t halfword[2])
{
    return (halfword[0] & 0xFF87u) == 0x4780u
           || ((halfword[0] & 0xF800u) == 0xF000u && (halfword[1] & 0xD000u) == 0xD000u);
}

/* BX LR, or a load into the program counter from the stack. */
static bool is_return(const uint32_t halfword[2])
{
    return halfword[0] == 0x4770u || (halfword[0] & 0xFF00u) == 0xBD00u
           || (halfword[0] == 0xE8BDu && (halfword[1] & 0x8000u) != 0u)
           || (halfword[0] == 0xF85Du && halfword[1] == 0xFB04u);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    struct qemu_plugin_insn *const last = qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1);
    uint32_t halfword[2];
    const uint32_t size = decode(last, halfword);
    const uint32_t start = (uint32_t)qemu_plugin_tb_vaddr(tb);
    const uint32_t stop = (uint32_t)qemu_plugin_insn_vaddr(last) + size;
    block_t *const block = find_block(start, stop);

    (void)id;
    block->calls = is_call(halfword);
    block->returns = is_return(halfword);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, block);
    qemu_plugin_register_vcpu_insn_exec_cb(last, on_last_instruction, NO_REGISTERS, NULL);
}

static void on_exit(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    if (tracing && !has_root) {
        end();
    }
    fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        } else if (strncmp(argv[i], "root=", 5) == 0) {
            root = (uint32_t)strtoul(argv[i] + 5, NULL, 16);
            has_root = true;
        } else if (strncmp(argv[i], "interrupt=", 10) == 0) {
            interrupt = (uint32_t)strtoul(argv[i] + 10, NULL, 16);
            has_interrupt = true;
        }
    }
    if (out == NULL) {
        fprintf(stderr, "call_trace: out=FILE is missing or cannot be written\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit, NULL);
    return 0;
}
