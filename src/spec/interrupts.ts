/**
 * Interrupt lines of the board and the addresses of its APICs: the customary ones of a PC.
 * @module
 */
export const IRQ_PIT = 0;
export const IRQ_SERIAL_COM1 = 4;

/** Machine-physical address of the 82093AA. */
export const IO_APIC = 0xfec0_0000;
/** Machine-physical address of the local APICs after reset (SDM Vol. 3, 11.4.1). */
export const LOCAL_APIC = 0xfee0_0000;
