/**
 * I/O ports of the board: the customary PC addresses, the PIIX4 power-management block, and the test device
 * of bare-metal test suites.
 * @module
 */
export const PIC_MASTER = 0x20;
export const PIC_SLAVE = 0xa0;
/** 8254 interval timer: three counters and a control word; 4 ports. */
export const PIT = 0x40;
export const SERIAL_COM1 = 0x3f8;
/** Writing v ends the run with exit status 2v + 1. */
export const DEBUG_EXIT = 0xf4;
/** ACPI PM1a control: writing SLP_EN (bit 13) with SLP_TYP 0 powers the board off. */
export const ACPI_PM1A_CONTROL = 0x604;
export const ACPI_SLP_EN = 1 << 13;

/** Input clock of the 8254, Hz (Intel 8254 datasheet; PC: 14.31818 MHz / 12). */
export const PIT_FREQUENCY = 1_193_182;

/** PC/AT system control port B: gate and output of timer counter 2, refresh toggle. */
export const SYSTEM_CONTROL_B = 0x61;
/** Edge/level control registers of the two 8259s (82371SB datasheet, 2.5.5); 2 ports. */
export const PIC_ELCR = 0x4d0;
