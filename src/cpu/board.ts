/**
 * What the processor asks of the board it is mounted on: ports, devices in the physical address space, and the
 * interrupt controllers. Numbers only, so that no object is made on the way.
 */
@external("board", "portRead")
export declare function portRead(port: i32, size: i32): u32;
@external("board", "portWrite")
export declare function portWrite(port: i32, size: i32, value: u32): void;
/** An address with neither RAM nor a device reads as all ones. */
@external("board", "mmioRead")
export declare function mmioRead(address: f64, size: i32): u32;
@external("board", "mmioWrite")
export declare function mmioWrite(address: f64, size: i32, value: u32): void;
/** INTA cycle: the vector of the interrupt on the INTR pin. */
@external("board", "acknowledgeInterrupt")
export declare function acknowledgeInterrupt(): i32;
/**
 * An MSR of the local APIC: IA32_APIC_BASE (to be written only), IA32_TSC_DEADLINE, 800H–8FFH. The value goes through
 * BOARD_MSR. False: no such register, or it does not take the value.
 */
@external("board", "msrRead")
export declare function msrRead(index: u32): bool;
@external("board", "msrWrite")
export declare function msrWrite(index: u32): bool;
/** CR8 has been written. */
@external("board", "taskPriorityChanged")
export declare function taskPriorityChanged(): void;
/** The time-stamp counter has been written. */
@external("board", "timeStampChanged")
export declare function timeStampChanged(): void;
/** The FERR# pin is asserted: an unmasked x87 exception where CR0.NE is 0. */
@external("board", "floatError")
export declare function floatError(): void;
/** Device models of a hypervisor, asked by its instruction emulator: a guest-physical address that is not mapped. */
@external("board", "emulatedRead")
export declare function emulatedRead(address: f64, size: i32): u32;
@external("board", "emulatedWrite")
export declare function emulatedWrite(address: f64, size: i32, value: u32): void;
