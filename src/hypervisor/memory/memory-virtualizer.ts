import type { PhysicalMemory } from "../../machine/physical-memory.js";
import type { FrameAllocator } from "./frame-allocator.js";
import type { ShadowMemory } from "./shadow/shadow-memory.js";

/** What a memory virtualiser is built from. */
export interface MemoryResources {
  /** The machine's memory. */
  memory: PhysicalMemory;
  /** Frames for its tables. */
  frames: FrameAllocator;
  /** Machine-physical address of guest-physical 0, and bytes of guest RAM. */
  guestBase: number;
  guestBytes: number;
  /** Whether a device of the VM claims any of `bytes` bytes from a guest-physical address. */
  isDevice: (address: number, bytes: number) => boolean;
  /** Drops cached translations (INVEPT, or INVVPID of all contexts); due after an entry was changed or removed. */
  flush: () => void;
}

/** How an access of the guest to an address without a translation was dealt with. */
export type ViolationOutcome =
  /** A translation exists now: execute the instruction again. */
  | { kind: "mapped" }
  /** There is a device, or nothing that could be mapped: the instruction is to be emulated. */
  | { kind: "emulate" }
  /** The access cannot be emulated. */
  | { kind: "refused"; why: string };

/** The part that gives a VM its physical memory. */
export interface MemoryVirtualizer {
  /** Value of the VMCS field EPT_POINTER (SDM 25.6.11); under shadow paging only the instruction emulator walks these tables. */
  readonly eptPointer: bigint;
  /** The guest runs on these page tables rather than on its own and EPT. */
  readonly shadow?: ShadowMemory;
  /**
   * An EPT violation (SDM 28.2.1).
   * @param address - guest-physical
   * @param qualification - exit qualification, table 28-7
   */
  violation(address: bigint, qualification: number): ViolationOutcome;
  /**
   * The translation of a page of RAM goes, and the next access to it is a violation. A part without this keeps it.
   * @param page - guest-physical
   */
  unmap?(page: number): void;
}
