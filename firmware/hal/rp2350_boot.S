/*
 * rp2350_boot.S - the block by which RP2350's ROM knows an image (data sheet 5.9.5.1, a minimum Arm
 * image definition).  The ROM itself sets up execution in place.
 */
    .section .boot, "a"
    .global hal_image_definition
    .type hal_image_definition, %object
hal_image_definition:
    .word 0xFFFFDED3                /* first marker */
    .word 0x10210142                /* item: image type, 1 word; executable, secure, Arm, RP2350 */
    .word 0x000001FF                /* last item, of 1 word */
    .word 0                         /* the only block of the loop */
    .word 0xAB123579                /* last marker */
    .size hal_image_definition, . - hal_image_definition
