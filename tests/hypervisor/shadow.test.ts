/** What the shadow tables look like, and who hears of what. */
import { describe, expect, it } from "vitest";
import { FrameAllocator } from "../../src/hypervisor/memory/frame-allocator.js";
import type { GuestPaging } from "../../src/hypervisor/memory/guest-walk.js";
import type { ShadowResources } from "../../src/hypervisor/memory/shadow/shadow-memory.js";
import { ShadowPaging } from "../../src/hypervisor/memory/shadow/shadow-paging.js";
import { bareMemory } from "./memory.js";

const MIB = 2 ** 20;
const GUEST_BASE = 4 * MIB;
const GUEST_BYTES = 16 * MIB;
/** Guest-physical: a hierarchy of four tables. */
const [PML4, PDPT, PD, PT] = [0x10_0000, 0x10_1000, 0x10_2000, 0x10_3000];
const PAGE = 0x27n;
const READ = { errorCode: 0, accessControl: false };
const WRITE = { errorCode: 2, accessControl: false };
const FETCH = { errorCode: 0x10, accessControl: false };
const LONG: GuestPaging = { cr0: 0x8001_0011, cr3: BigInt(PML4), cr4: 0x20, efer: 0xd00 };
const APIC = 0xfee0_0000;

/** A guest with linear 0–2 MiB by small pages, 2–4 MiB by a large one, 4–6 MiB by one with its tables in it. */
function build(options: Partial<ShadowResources> = {}) {
  const memory = bareMemory(GUEST_BASE + GUEST_BYTES);
  let flushes = 0;
  const shadow = new ShadowPaging({
    memory,
    frames: new FrameAllocator(memory, 0x1_0000, GUEST_BASE),
    guestBase: GUEST_BASE,
    guestBytes: GUEST_BYTES,
    isDevice: (address) => address === APIC,
    flush: () => flushes++,
    ...options,
  });
  const set = (address: number, value: bigint): void => {
    memory.write64(GUEST_BASE + address, value);
    shadow.written(address, 8);
  };
  set(PML4, BigInt(PDPT) | PAGE);
  set(PDPT, BigInt(PD) | PAGE);
  set(PD, BigInt(PT) | PAGE);
  set(PD + 8, 0x20_0000n | PAGE | 0xc0n);
  set(PD + 16, 0n | PAGE | 0xc0n);
  set(PT + 8, 0x5000n | PAGE);
  set(PT + 16, BigInt(PT) | PAGE | 0x40n);
  set(PT + 24, BigInt(APIC) | PAGE);
  set(PT + 32, 0x7f_0000_0000n | PAGE);
  set(PT + 40, 0x6000n | PAGE | 0x40n);
  const space = shadow.addressSpace();
  const root = space.load(LONG, "4-level");
  const fault = (linear: number, access = READ) => space.fault({ linear: BigInt(linear), ...access });
  return {
    memory,
    shadow,
    space,
    root,
    fault,
    set,
    flushes: () => flushes,
    guest: (at: number) => memory.read64(GUEST_BASE + at),
  };
}
type Vm = ReturnType<typeof build>;

/** The entries of the shadow that a linear address uses, from the root to the leaf. */
function entries({ memory, root }: Vm, linear: number): bigint[] {
  const used: bigint[] = [];
  let table = root;
  for (let level = 4; level >= 1; level--) {
    const entry = memory.read64(table + 8 * (Math.floor(linear / 2 ** (3 + 9 * level)) & 511));
    used.push(entry);
    if ((entry & 1n) === 0n || (entry & 0x80n) !== 0n) break;
    table = Number(entry & 0x7f_ffff_f000n);
  }
  return used;
}
const leaf = (vm: Vm, linear: number): bigint => entries(vm, linear).at(-1)!;

describe("shadow tables", () => {
  it("get an entry when it is asked for, with the machine's address and the guest's rights", () => {
    const vm = build();
    expect(leaf(vm, 0x1000)).toBe(0n);
    expect(vm.fault(0x1123)).toEqual({ kind: "hidden" });
    expect(leaf(vm, 0x1000) & 0x7f_ffff_f007n).toBe(BigInt(GUEST_BASE + 0x5000) | 5n);
    expect(leaf(vm, 0x2000)).toBe(0n);
  });

  it("permit a write only once the guest's entry is dirty", () => {
    const vm = build();
    vm.fault(0x1000);
    expect(vm.guest(PT + 8) & 0x60n).toBe(0x20n);
    expect(leaf(vm, 0x1000) & 2n).toBe(0n);
    expect(vm.fault(0x1000, WRITE)).toEqual({ kind: "hidden" });
    expect(vm.guest(PT + 8) & 0x60n).toBe(0x60n);
    expect(leaf(vm, 0x1000) & 2n).toBe(2n);
  });

  it("lose an entry whose guest's has been written, so that its flags come anew", () => {
    const vm = build();
    vm.fault(0x1000, WRITE);
    vm.set(PT + 8, 0x5007n);
    expect(leaf(vm, 0x1000)).toBe(0n);
    vm.fault(0x1000);
    expect(vm.guest(PT + 8)).toBe(0x5027n);
  });

  it("map a large page of the guest as one", () => {
    const vm = build();
    expect(vm.fault(0x30_0000)).toEqual({ kind: "hidden" });
    expect(entries(vm, 0x30_0000)).toHaveLength(3);
    expect(leaf(vm, 0x30_0000) & 0x7f_ffff_f087n).toBe(BigInt(GUEST_BASE + 0x20_0000) | 0x87n);
  });

  it("split one that holds a table of the guest, which alone is read-only", () => {
    const vm = build();
    vm.fault(0x1000);
    expect(vm.fault(0x40_0000 + PT, WRITE)).toEqual({ kind: "traced", guestPhysical: PT });
    expect(vm.fault(0x40_0000 + PT)).toEqual({ kind: "hidden" });
    expect(entries(vm, 0x40_0000 + PT)).toHaveLength(4);
    expect(leaf(vm, 0x40_0000 + PT) & 2n).toBe(0n);
    expect(leaf(vm, 0x40_0000 + 0x5000) & 2n).toBe(2n);
  });

  it("split it also where the walk to it is the first use of that table", () => {
    const vm = build();
    expect(vm.fault(0x40_0000, WRITE)).toEqual({ kind: "hidden" });
    expect(entries(vm, 0x40_0000)).toHaveLength(4);
    expect(leaf(vm, 0x40_0000 + PD) & 2n).toBe(0n);
  });

  it("split a large page when a table comes to lie in it", () => {
    const vm = build();
    vm.fault(0x20_0000, WRITE);
    expect(entries(vm, 0x20_0000)).toHaveLength(3);
    const before = vm.flushes();
    const table = 0x20_3000;
    vm.set(table, 0x5000n | PAGE);
    vm.set(PD + 24, BigInt(table) | PAGE);
    expect(vm.fault(0x60_0000)).toEqual({ kind: "hidden" });
    expect(leaf(vm, 0x20_0000)).toBe(0n);
    expect(vm.flushes()).toBeGreaterThan(before);
    expect(vm.fault(0x20_0000 + 0x3000, WRITE)).toEqual({ kind: "traced", guestPhysical: table });
  });

  it("let a page be written again that is no table any more", () => {
    const vm = build();
    vm.fault(0x1000);
    expect(vm.fault(0x2000, WRITE)).toEqual({ kind: "traced", guestPhysical: PT });
    expect(vm.shadow.traced(PT)).toBe(true);
    vm.set(PD, 0n);
    expect(vm.shadow.traced(PT)).toBe(false);
    expect(vm.fault(0x40_0000 + PT, WRITE)).toEqual({ kind: "hidden" });
  });

  it("keep the trace of an entry that is rewritten again and again, and drop that of a page that is filled", () => {
    const vm = build();
    vm.fault(0x1000);
    for (let i = 0; i < 100; i++) vm.set(PT + 8, 0x5000n | PAGE);
    expect(vm.shadow.traced(PT)).toBe(true);
    for (let i = 0; i < 8; i++) vm.set(PT + 0x800 + 8 * i, 0n);
    expect(vm.shadow.traced(PT)).toBe(false);
  });

  it("are found again when an address space is, and stay within their pool", () => {
    const vm = build({ poolFrames: 12 });
    vm.fault(0x1000);
    const other = 0x11_0000;
    vm.set(other, BigInt(PDPT) | PAGE);
    const second = vm.space.load({ ...LONG, cr3: BigInt(other) }, "4-level");
    expect(second).not.toBe(vm.root);
    expect(vm.space.load(LONG, "4-level")).toBe(vm.root);
    for (let i = 0; i < 64; i++) {
      const table = 0x80_0000 + 0x1000 * i;
      vm.set(table, 0x5000n | PAGE);
      vm.set(PD + 0x800 + 8 * i, BigInt(table) | PAGE);
      expect(vm.fault((256 + i) * 0x20_0000)).toEqual({ kind: "hidden" });
    }
    expect(vm.shadow.statistics.tablesEvicted).toBeGreaterThan(50);
    expect(vm.shadow.statistics.tablesBuilt - vm.shadow.statistics.tablesEvicted).toBeLessThanOrEqual(20);
  });
});

describe("a fault", () => {
  it("on a device is for its model; a jump there is refused", () => {
    const vm = build();
    expect(vm.fault(0x3010)).toEqual({ kind: "device", guestPhysical: APIC + 0x10 });
    expect(vm.fault(0x3010, FETCH)).toMatchObject({ kind: "refused" });
  });

  it("where nothing is reads all ones, and takes no write", () => {
    const vm = build();
    expect(vm.fault(0x4000)).toEqual({ kind: "hidden" });
    const frame = Number(leaf(vm, 0x4000) & 0x7f_ffff_f000n);
    expect(frame).toBeLessThan(GUEST_BASE);
    expect(vm.memory.read64(frame)).toBe(2n ** 64n - 1n);
    expect(leaf(vm, 0x4000) & 2n).toBe(0n);
    expect(vm.fault(0x4000, WRITE)).toEqual({ kind: "device", guestPhysical: 0x7f_0000_0000 });
  });
});

describe("an implicit access under SMAP", () => {
  it("is the guest's own fault once the processor refuses what is mapped", () => {
    const vm = build();
    vm.space.load({ ...LONG, cr4: 0x20 | (1 << 21) }, "4-level");
    vm.set(PT + 8, 0x5007n);
    const access = { errorCode: 0, accessControl: true };
    expect(vm.fault(0x1000, access)).toEqual({ kind: "hidden" });
    expect(vm.fault(0x1000, { ...access, errorCode: 1 })).toEqual({ kind: "reflect", errorCode: 1 });
    expect(vm.fault(0x1000, READ)).toEqual({ kind: "reflect", errorCode: 1 });
  });
});

describe("a watched page", () => {
  it("has its writes told, until it is not watched any more", () => {
    const vm = build();
    vm.fault(0x5000, WRITE);
    vm.fault(0x20_0000, WRITE);
    const before = vm.flushes();
    vm.shadow.watch(0x6000);
    vm.shadow.watch(0x20_0000);
    expect(vm.flushes()).toBeGreaterThan(before);
    expect(vm.fault(0x5000, WRITE)).toEqual({ kind: "traced", guestPhysical: 0x6000 });
    expect(vm.fault(0x20_0000, WRITE)).toEqual({ kind: "traced", guestPhysical: 0x20_0000 });
    expect(vm.fault(0x20_1000, WRITE)).toEqual({ kind: "hidden" });
    vm.shadow.unwatch(0x6000);
    expect(vm.fault(0x5000, WRITE)).toEqual({ kind: "hidden" });
  });
});

describe("the monitor's window", () => {
  const ranges = (slot: number) => [
    {
      linear: BigInt(slot) << 39n,
      machine: 0x8000,
      bytes: 0x2000,
      writable: false,
      executable: true,
      user: false,
    },
    {
      linear: (BigInt(slot) << 39n) + 0x40_0000n,
      machine: 0xa000,
      bytes: 0x1000,
      writable: true,
      executable: false,
      user: true,
    },
  ];

  it("is in every hierarchy, with its own rights", () => {
    const vm = build();
    vm.shadow.setWindow({ slot: 200, ranges: ranges(200) });
    const at = 200 * 2 ** 39;
    expect(leaf(vm, at + 0x1000) & ~0x60n).toBe(0x9001n);
    expect(leaf(vm, at + 0x40_0000) & ~0x60n).toBe(0xa007n | (1n << 63n));
    expect(leaf(vm, at + 0x2000)).toBe(0n);
    const root = vm.space.load({ ...LONG, cr3: 0x12_0000n }, "4-level");
    expect(vm.memory.read64(root + 8 * 200) & 1n).toBe(1n);
    vm.shadow.setWindow(null);
    expect(vm.memory.read64(root + 8 * 200)).toBe(0n);
  });

  it("moves when the guest maps something there", () => {
    const conflicts: number[] = [];
    const vm = build({ onConflict: (slot) => conflicts.push(slot) });
    vm.shadow.setWindow({ slot: 200, ranges: ranges(200) });
    expect(conflicts).toEqual([]);
    vm.set(PML4 + 8 * 200, BigInt(PDPT) | PAGE);
    expect(conflicts).toEqual([200]);
    expect(vm.fault(200 * 2 ** 39 + 0x1000)).toMatchObject({ kind: "refused" });
    const slot = vm.shadow.freeSlot()!;
    expect([0, 200]).not.toContain(slot);
    vm.shadow.setWindow({ slot, ranges: ranges(slot) });
    expect(vm.fault(200 * 2 ** 39 + 0x1000)).toEqual({ kind: "hidden" });
    expect(leaf(vm, 200 * 2 ** 39 + 0x1000) & 0x7f_ffff_f000n).toBe(BigInt(GUEST_BASE + 0x5000));
  });

  it("refuses ranges that leave it", () => {
    const vm = build();
    expect(() => vm.shadow.setWindow({ slot: 7, ranges: ranges(8) })).toThrow(RangeError);
  });
});

describe("INVLPG", () => {
  it("stands for all pieces of a large page that was split", () => {
    const vm = build();
    vm.fault(0x1000);
    vm.set(PT + 8, 0x7000n | PAGE);
    expect(vm.space.splitPageChanged()).toBe(false);
    vm.fault(0x40_0000);
    vm.set(PD + 16, 0n);
    expect(vm.space.splitPageChanged()).toBe(true);
    expect(vm.space.splitPageChanged()).toBe(false);
  });
});
