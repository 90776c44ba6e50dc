import { describe, expect, it } from "vitest";
import { FrameAllocator } from "../../src/hypervisor/memory/frame-allocator.js";
import {
  FRAMES_BASE,
  GUEST_RAM_BASE,
  HUGE_PAGE_BYTES,
  LARGE_PAGE_BYTES,
  machineRamFor,
} from "../../src/hypervisor/memory/layout.js";
import { NestedPaging, type NestedOptions } from "../../src/hypervisor/memory/nested.js";
import {
  EPT_EXECUTE,
  EPT_LARGE,
  EPT_READ,
  EPT_VIOLATION_FETCH,
  EPT_VIOLATION_READ,
  EPT_VIOLATION_WRITE,
  EPT_WRITE,
} from "../../src/spec/page-bits.js";
import { Session } from "../../src/experiments/session.js";
import { core, guest } from "../experiments/guest.js";
import { bareMemory } from "./memory.js";

const MIB = 2 ** 20;
/** Guest-physical page of the one device. */
const DEVICE = 0xfec0_0000;
const FRAME = 0x000f_ffff_ffff_f000n;

/** The tables alone lie in memory that is there: the guest's may begin beyond it. */
function build(guestBytes: number, options: NestedOptions = {}, guestBase = GUEST_RAM_BASE) {
  const memory = bareMemory(machineRamFor(guestBase === GUEST_RAM_BASE ? guestBytes : 0));
  const frames = new FrameAllocator(memory, FRAMES_BASE, GUEST_RAM_BASE);
  const isDevice = (address: number, bytes: number): boolean =>
    address < DEVICE + 4096 && DEVICE < address + bytes;
  const resources = { memory, frames, guestBase, guestBytes, isDevice, flush: () => {} };
  return { memory, nested: new NestedPaging(resources, options) };
}

/** An independent walk of the tables in memory: what the processor would find. */
function walk({ memory, nested }: ReturnType<typeof build>, gpa: number) {
  let table = nested.root;
  let permissions = 7n;
  for (let level = 4; level >= 1; level--) {
    const shift = 12 + 9 * (level - 1);
    const entry = memory.read64(table + (Math.floor(gpa / 2 ** shift) % 512) * 8);
    permissions &= entry;
    if ((entry & 7n) === 0n) return null;
    if (level === 1 || (entry & BigInt(EPT_LARGE)) !== 0n) {
      const offset = gpa % 2 ** shift;
      return {
        hpa: Number(entry & FRAME) + offset,
        permissions: Number(permissions & 7n),
        bytes: 2 ** shift,
      };
    }
    table = Number(entry & FRAME);
  }
  throw new Error("unreachable");
}

describe("nested paging", () => {
  it("maps every page of guest RAM to the guest's area with every right, and nothing else", () => {
    const guestBytes = 4 * MIB + 3 * 4096;
    const vm = build(guestBytes);
    for (let gpa = 0; gpa < guestBytes; gpa += 4096) {
      expect(walk(vm, gpa), `gpa ${gpa}`).toMatchObject({ hpa: GUEST_RAM_BASE + gpa, permissions: 7 });
    }
    for (const gpa of [guestBytes, guestBytes + 4096, 6 * MIB, 2 ** 30, 2 ** 38, 2 ** 47])
      expect(walk(vm, gpa)).toBeNull();
  });

  it("uses 2 MiB pages where it can", () => {
    const vm = build(2 * MIB + 4096);
    expect(walk(vm, 0)?.bytes).toBe(LARGE_PAGE_BYTES);
    expect(walk(vm, 2 * MIB)?.bytes).toBe(4096);
  });

  it.each([
    [HUGE_PAGE_BYTES, [HUGE_PAGE_BYTES, HUGE_PAGE_BYTES, LARGE_PAGE_BYTES, 4096]],
    [LARGE_PAGE_BYTES, [LARGE_PAGE_BYTES, LARGE_PAGE_BYTES, LARGE_PAGE_BYTES, 4096]],
    [4096, [4096, 4096, 4096, 4096]],
  ] as const)("uses pages of at most %i bytes when told so", (largestPage, expected) => {
    const guestBase = 2 * HUGE_PAGE_BYTES;
    const guestBytes = largestPage === 4096 ? 4 * MIB + 4096 : HUGE_PAGE_BYTES + 2 * MIB + 4096;
    const vm = build(guestBytes, { largestPage }, guestBase);
    const probes = [0, 2 * MIB, guestBytes - 4096 - 2 * MIB, guestBytes - 4096];
    expect(probes.map((gpa) => walk(vm, gpa)?.bytes)).toEqual(expected);
    for (const gpa of probes) expect(walk(vm, gpa + 0x123)?.hpa).toBe(guestBase + gpa + 0x123);
  });

  it("uses no page of 1 GiB where the machine's memory is not aligned to one", () => {
    const vm = build(HUGE_PAGE_BYTES, {}, HUGE_PAGE_BYTES + LARGE_PAGE_BYTES);
    expect(walk(vm, 0)?.bytes).toBe(LARGE_PAGE_BYTES);
  });

  it("has the processor note which pages the guest writes, and forgets them when asked", () => {
    let part: NestedPaging | null = null;
    const session = Session.create({
      core,
      image: guest(
        "main:\nmov dword ptr [0x600000], 1\nmov eax, [0x700000]\nmov dword ptr [0x801000], 1\nstop:\nmov eax, 1\nout 0x80, al\nmov dword ptr [0x600008], 1\njmp stop",
      ),
      name: "dirty",
      cpuMode: "vtx",
      ramBytes: 16 * MIB,
      parts: {
        memory: (resources) =>
          (part = new NestedPaging(resources, { largestPage: 4096, accessedDirty: true })),
      },
    });
    const run = (): number[] => {
      session.runToExit();
      return part!
        .takeDirty()
        .map(({ gpa }) => gpa)
        .filter((gpa) => gpa >= 0x60_0000);
    };
    expect(run()).toEqual([0x60_0000, 0x80_1000]);
    expect(run()).toEqual([0x60_0000]);
    expect(run()).toEqual([0x60_0000]);
  });

  it("shows all ones, readable and executable but never writable, where there is no RAM", () => {
    const vm = build(2 * MIB + 4096);
    for (const gpa of [2 * MIB + 4096, 4 * MIB, 0xfee0_0000, 2 ** 39, 2 ** 46 + 4096]) {
      expect(vm.nested.violation(BigInt(gpa), EPT_VIOLATION_READ)).toEqual({ kind: "mapped" });
      const found = walk(vm, gpa)!;
      expect(found.permissions).toBe(EPT_READ | EPT_EXECUTE);
      expect(vm.memory.read(found.hpa, 4096).every((byte) => byte === 0xff)).toBe(true);
    }
    expect(walk(vm, 2 * MIB)?.permissions).toBe(EPT_READ | EPT_WRITE | EPT_EXECUTE);
  });

  it("has a write to where there is no RAM emulated", () => {
    const { nested } = build(2 * MIB);
    expect(nested.violation(0xfee0_0020n, EPT_VIOLATION_WRITE)).toEqual({ kind: "emulate" });
  });

  it("never maps a device, whatever is probed around it", () => {
    const vm = build(2 * MIB);
    for (const gpa of [2 ** 40, 2 ** 31, DEVICE - 2 ** 30, DEVICE - 2 ** 21, DEVICE - 4096, DEVICE + 4096])
      expect(vm.nested.violation(BigInt(gpa), EPT_VIOLATION_READ)).toEqual({ kind: "mapped" });
    expect(walk(vm, DEVICE - 1)?.permissions).toBe(EPT_READ | EPT_EXECUTE);
    expect(walk(vm, DEVICE)).toBeNull();
    expect(vm.nested.violation(BigInt(DEVICE + 0x10), EPT_VIOLATION_READ)).toEqual({ kind: "emulate" });
  });

  it("has code in a device emulated: ROM is one", () => {
    expect(build(2 * MIB).nested.violation(BigInt(DEVICE + 0x20), EPT_VIOLATION_FETCH)).toEqual({
      kind: "emulate",
    });
  });

  it("needs no more frames however many addresses a guest probes", () => {
    const { nested } = build(2 * MIB);
    for (let i = 1; i < 4096; i++) {
      expect(nested.violation(BigInt(i) << 27n, EPT_VIOLATION_FETCH)).toEqual({ kind: "mapped" });
    }
  });

  it("unmaps a page of RAM, and no other, until the next access", () => {
    const vm = build(4 * MIB + 4096);
    vm.nested.unmap(2 * MIB + 8192);
    expect(walk(vm, 2 * MIB + 8192)).toBeNull();
    for (const gpa of [0, 2 * MIB, 2 * MIB + 4096, 2 * MIB + 12288, 4 * MIB])
      expect(walk(vm, gpa)).toMatchObject({ hpa: GUEST_RAM_BASE + gpa, permissions: 7 });
    expect(vm.nested.violation(BigInt(2 * MIB + 8192 + 5), EPT_VIOLATION_WRITE)).toEqual({ kind: "mapped" });
    expect(walk(vm, 2 * MIB + 8192)).toMatchObject({ hpa: GUEST_RAM_BASE + 2 * MIB + 8192, permissions: 7 });
    vm.nested.unmap(4 * MIB + 4096);
    vm.nested.unmap(DEVICE);
    expect(walk(vm, DEVICE)).toBeNull();
  });

  it("takes few frames, however many pages the guest asks to be unmapped", () => {
    const guestBytes = 512 * MIB;
    const memory = bareMemory(machineRamFor(guestBytes));
    const frames = new FrameAllocator(memory, FRAMES_BASE, FRAMES_BASE + 100 * 4096);
    const resources = {
      memory,
      frames,
      guestBase: GUEST_RAM_BASE,
      guestBytes,
      isDevice: () => false,
      flush: () => {},
    };
    const vm = { memory, nested: new NestedPaging(resources) };
    for (let gpa = 0; gpa < guestBytes; gpa += MIB) vm.nested.unmap(gpa);
    expect(walk(vm, 0)).toBeNull();
    expect(walk(vm, 511 * MIB)).toMatchObject({ hpa: GUEST_RAM_BASE + 511 * MIB, permissions: 7 });
  });

  it("never leads to the hypervisor's memory, but for the frame of all ones, which is not writable", () => {
    const vm = build(2 * MIB + 4096);
    for (let i = 0; i < 512; i++) vm.nested.violation(BigInt(i) * 2n ** 38n, EPT_VIOLATION_READ);
    const probes = [0, 4096, 2 * MIB, 3 * MIB, 2 ** 31, 2 ** 40, 2 ** 47 - 4096];
    for (const gpa of probes) {
      const found = walk(vm, gpa);
      if (found !== null && found.hpa < GUEST_RAM_BASE) expect(found.permissions & EPT_WRITE).toBe(0);
    }
  });
});

describe("frame allocator", () => {
  it("hands out zeroed frames until its area is full", () => {
    const memory = bareMemory(4 * 4096);
    memory.fill(0, 4 * 4096, 0xaa);
    const frames = new FrameAllocator(memory, 4096, 3 * 4096);
    expect([frames.allocate(), frames.allocate()]).toEqual([4096, 8192]);
    expect(memory.read32(8192)).toBe(0);
    expect(() => frames.allocate()).toThrow(/no frame left/);
    expect(memory.read8(3 * 4096)).toBe(0xaa);
  });
});
