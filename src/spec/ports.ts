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
/** Coprocessor error register of the PIIX. */
export const COPROCESSOR_ERROR = 0xf0;
/** Writing v ends the run with exit status 2v + 1. */
export const DEBUG_EXIT = 0xf4;
/** Where firmware writes its log: what QEMU calls isa-debugcon. */
export const DEBUG_CONSOLE = 0x402;
/** ACPI PM1a event block: status and enable, 16 bits each. */
export const ACPI_PM1A_EVENT = 0x600;
/** ACPI PM1a control: writing SLP_EN (bit 13) with SLP_TYP 0 powers the board off. */
export const ACPI_PM1A_CONTROL = 0x604;
export const ACPI_SLP_EN = 1 << 13;
/** ACPI power-management timer, 32 bits. */
export const ACPI_PM_TIMER = 0x608;

/** Input clock of the 8254, Hz (Intel 8254 datasheet; PC: 14.31818 MHz / 12). */
export const PIT_FREQUENCY = 1_193_182;

/** PC/AT system control port B: gate and output of timer counter 2, refresh toggle. */
export const SYSTEM_CONTROL_B = 0x61;
/** Edge/level control registers of the two 8259s (82371SB datasheet, 2.5.5); 2 ports. */
export const PIC_ELCR = 0x4d0;
/** Keyboard controller: data, then status and command. */
export const KEYBOARD_DATA = 0x60;
export const KEYBOARD_COMMAND = 0x64;
/** Real-time clock: index and data. */
export const RTC = 0x70;
/** Register of the CMOS memory that holds the century. */
export const RTC_CENTURY = 0x32;
/** Page registers of the DMA controllers, the first of which shows the progress of power-on self tests; 16 ports. */
export const DMA_PAGES = 0x80;
/** PCI configuration mechanism 1: address and data; 8 ports. */
export const PCI_CONFIGURATION = 0xcf8;
/** Reset control register, within the address register for byte accesses, and the value that resets. */
export const RESET_CONTROL = 0xcf9;
export const RESET_CONTROL_RESET = 6;

/** Test device: a latch of 32 bits at two places, page flush, interrupt lines (24 ports). */
export const TEST_LATCH = 0xe0;
export const TEST_FLUSH = 0xe4;
export const TEST_LATCH_BYTES = 0xe8;
export const TEST_LINES = 0x2000;
/** Firmware configuration device: selector and data. */
export const FW_CFG = 0x510;
