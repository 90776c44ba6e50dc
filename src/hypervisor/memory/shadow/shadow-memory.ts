import type { PhysicalMemory } from "../../../machine/physical-memory.js";
import type { FrameAllocator } from "../frame-allocator.js";
import type { FaultingAccess, GuestPaging } from "../guest-walk.js";

/**
 * Shadow paging as a monitor uses it: under VT-x without nested paging, where every #PF of the guest is a VM exit, and under
 * binary translation, where the monitor owns the IDT. Addresses: *linear* and *guest-physical* are the guest's;
 * *machine-physical* ones are what the tables given to the processor hold.
 * @module
 */

/**
 * Paging mode that the *processor* is in while it uses the tables: "pae" outside IA-32e mode, "4-level" in it. Either serves
 * guests without paging, with 32-bit and with PAE paging; a guest with 4-level paging needs "4-level".
 */
export type HardwareMode = "pae" | "4-level";

/** What a #PF was, and what the monitor has to do. */
export type FaultOutcome =
  /** The tables lacked what the guest's own permit: they have it now. Execute the instruction again; the guest sees nothing. */
  | { kind: "hidden" }
  /** The guest's own tables forbid the access: #PF with this error code, CR2 = the linear address. */
  | { kind: "reflect"; errorCode: number }
  /**
   * A write that the guest may make and the tables must not let through: to a page that holds one of its page tables or is
   * watched, or to a read-only page with CR0.WP = 0. Carry the instruction out in software; memory written is to be told to
   * {@link ShadowMemory.written}.
   */
  | { kind: "traced"; guestPhysical: number }
  /** Device registers, or a write to where nothing is: carry the instruction out in software, with the VM's devices. */
  | { kind: "device"; guestPhysical: number }
  /** It can be neither mapped nor carried out (a jump to a device's registers). */
  | { kind: "refused"; why: string };

/** Linear addresses that belong to the monitor in every address space, e.g. a translation cache. */
export interface MonitorRange {
  /** Page-aligned; the whole range within {@link MonitorWindow.slot}. */
  linear: bigint;
  /** Page-aligned, machine-physical. */
  machine: number;
  bytes: number;
  /** Else read-only. */
  writable: boolean;
  /** Else NX is set; the processor needs EFER.NXE. */
  executable: boolean;
  /** Reachable at CPL 3. */
  user: boolean;
}

/**
 * One PML4 entry's 512 GiB, mapped beside the guest's own in each 4-level hierarchy ("4-level" hardware mode only). A guest
 * outside IA-32e mode cannot name any but slot 0's first 4 GiB.
 */
export interface MonitorWindow {
  /** Number of the PML4 entry, 0–511. */
  slot: number;
  ranges: readonly MonitorRange[];
}

/**
 * Memory of the monitor's below 4 GiB, for code in compatibility mode: supervisor pages, mapped in a hierarchy when they are
 * asked for ({@link AddressSpace.supplyLow}). Everything in 2 MiB.
 */
export interface LowRange {
  linear: number;
  /** Machine-physical. */
  machine: number;
  bytes: number;
  /** The first bytes are writable; the first `dataBytes` are not executable, the others read-only and executable. */
  writableBytes: number;
  dataBytes: number;
}

/** One virtual CPU's view of the tables: its current address space, which is never evicted. */
export interface AddressSpace {
  /**
   * The guest's paging state has changed, or is the first: MOV to CR3, CR0, CR4, EFER, a task switch. The hierarchy of an
   * earlier state is found again while it is kept.
   * @returns machine-physical address for CR3; the caller then drops what the processor has cached of this virtual CPU, but for
   *   global pages after a mere MOV to CR3
   */
  load(paging: GuestPaging, hardware: HardwareMode): number;
  /**
   * Maps the 2 MiB of the low range that a linear address is in.
   * @returns "conflict" when the guest has a mapping of its own there, "outside" for another address
   */
  supplyLow(linear: number): "mapped" | "conflict" | "outside";
  /** #PF in this address space. In hardware mode "pae" PDPTEs may have been written: load CR3 anew (VM entry does). */
  fault(access: FaultingAccess): FaultOutcome;
  /**
   * For INVLPG: whether the guest has changed, since this was asked last, a large page that is mapped in pieces. All that the
   * processor has cached of this virtual CPU must go then, since the guest names one address for all pieces.
   */
  splitPageChanged(): boolean;
}

/** The shadow page tables of a VM. */
export interface ShadowMemory {
  /** One for each virtual CPU. */
  addressSpace(): AddressSpace;
  /**
   * The monitor wrote guest memory other than through the tables: an emulated instruction, string I/O, DMA. To be called after
   * the write. Guest tables there are looked at anew.
   */
  written(guestPhysical: number, bytes: number): void;
  /** Whether writes to the page of a guest-physical address are trapped: it holds a page table in use, or is watched. */
  traced(guestPhysical: number): boolean;
  /** From now on writes to the page of a guest-physical address come out as "traced", e.g. since its code has been translated. */
  watch(guestPhysical: number): void;
  unwatch(guestPhysical: number): void;
  /** Sets, moves or removes the monitor's window. Hierarchies have it from the next entry on; cached translations are dropped. */
  setWindow(window: MonitorWindow | null): void;
  /** Sets or moves the monitor's memory below 4 GiB. */
  setLowRange(range: LowRange): void;
  /** A PML4 entry without anything of the guest's in any hierarchy that is loaded now. */
  freeSlot(): number | null;
  /** Counts since the VM began, for reports. */
  readonly statistics: Readonly<ShadowStatistics>;
}

export interface ShadowStatistics {
  /** #PF by outcome. */
  hidden: number;
  reflected: number;
  traced: number;
  device: number;
  /** Tables made, and dropped: since their guest page is a table no more, or for room. */
  tablesBuilt: number;
  tablesDropped: number;
  tablesEvicted: number;
}

/** What shadow tables are made of. */
export interface ShadowResources {
  /** The machine's memory. */
  memory: PhysicalMemory;
  /** Frames for the tables. */
  frames: FrameAllocator;
  /** Machine-physical address of guest-physical 0, and bytes of guest RAM. */
  guestBase: number;
  guestBytes: number;
  /** Whether a device of the VM claims any of `bytes` bytes from a guest-physical address. */
  isDevice: (address: number, bytes: number) => boolean;
  /** Drops every translation that the processor has cached of this VM, global pages too. */
  flush: () => void;
  /** Most frames that tables take at a time; the least recently used ones make room. */
  poolFrames?: number;
  /**
   * The guest has something of its own in the monitor's window ({@link MonitorWindow}): told when such a hierarchy is loaded or
   * the guest writes such an entry. The entry stays the monitor's until {@link ShadowMemory.setWindow} moves the window.
   */
  onConflict?: (slot: number) => void;
}
