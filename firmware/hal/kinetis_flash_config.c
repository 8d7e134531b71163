/*
 * kinetis_flash_config.c - flash configuration field of Kinetis K (K64 Reference Manual 29.3.1).
 * The part reads it at reset; a wrong byte at its offset 12 locks the part for ever.
 */
#include <stdint.h>

extern const uint8_t hal_flash_config[16];

__attribute__((section(".boot"), used)) const uint8_t hal_flash_config[16] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, /* back door key: none */
    0xFF, 0xFF, 0xFF, 0xFF,                         /* no sector is protected */
    0xFE,                                           /* unsecured, mass erase allowed */
    0xFF,                                           /* boot options: fast, no low power */
    0xFF, 0xFF,                                     /* EEPROM and data flash unprotected */
};
