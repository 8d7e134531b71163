/**
 * Assembler macros: products of two quads with sixteen columns of the input.
 *
 *   r0 r2 r4 r6  sums of the first quad's rows      r8 r10 r12 lr  of the second's
 *   r1 r3  weights of the two quads   r5  input
 *
 * Loads and products alternate, because their units work side by side.
 */
#ifndef SLIMSE_QUAD_STEPS_H
#define SLIMSE_QUAD_STEPS_H

#ifdef __ASSEMBLER__

/* The first quad's weights of 16 columns. */
.macro load_first
    vld40.8 {q0, q1, q2, q3}, [r1]
    vld41.8 {q0, q1, q2, q3}, [r1]
    vld42.8 {q0, q1, q2, q3}, [r1]
    vld43.8 {q0, q1, q2, q3}, [r1]!
.endm

/* The products, once the input is in q7 and the first quad's weights are loaded. */
.macro multiply_pair type
    vmladava.\type r6, q3, q7
    vld40.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r0, q0, q7
    vld41.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r2, q1, q7
    vld42.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r4, q2, q7
    vld43.8 {q3, q4, q5, q6}, [r3]!
    vmladava.\type r8, q3, q7
    vmladava.\type r10, q4, q7
    vmladava.\type r12, q5, q7
    vmladava.\type lr, q6, q7
.endm

/* multiply_pair, and then all is loaded for the next 16 columns; STEP_BYTES of code. */
.macro multiply_pair_and_load type
    vmladava.\type r6, q3, q7
    vld40.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r0, q0, q7
    vld41.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r2, q1, q7
    vld42.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r4, q2, q7
    vld43.8 {q3, q4, q5, q6}, [r3]!
    vmladava.\type r8, q3, q7
    vld40.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type r10, q4, q7
    vld41.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type r12, q5, q7
    vld42.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type lr, q6, q7
    vld43.8 {q0, q1, q2, q3}, [r1]!
    vldrb.u8 q7, [r5], #16
.endm

    .set STEP_BYTES, 68

#endif
#endif
