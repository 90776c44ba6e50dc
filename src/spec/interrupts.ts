/**
 * Interrupt lines of the board and the addresses of its memory-mapped devices: the customary ones of a PC.
 * @module
 */
export const IRQ_PIT = 0;
export const IRQ_SERIAL_COM1 = 4;
export const IRQ_RTC = 8;
/** System control interrupt of ACPI, level-triggered. */
export const IRQ_SCI = 9;
/** Errors of the x87, where CR0.NE is 0. */
export const IRQ_COPROCESSOR = 13;

/** Machine-physical address of the 82093AA. */
export const IO_APIC = 0xfec0_0000;
/** Machine-physical address of the local APICs after reset (SDM Vol. 3, 11.4.1). */
export const LOCAL_APIC = 0xfee0_0000;
/** Memory addresses left to devices on the PCI bus. */
export const PCI_MEMORY = 0xe000_0000;
export const PCI_MEMORY_END = IO_APIC;
/** 64 KiB of memory in the test device. */
export const TEST_MEMORY = 0xff00_0000;
export const TEST_MEMORY_BYTES = 0x1_0000;
