/** The monitor at ring 0, seen by code at rings 1 and 3 that does what must bring it in. */
import { describe, expect, it } from "vitest";
import { loadAssembler } from "../../../src/guests/assemble.js";
import { FrameAllocator } from "../../../src/hypervisor/memory/frame-allocator.js";
import { FRAMES_BASE, GUEST_RAM_BASE } from "../../../src/hypervisor/memory/layout.js";
import { flatCode, flatData } from "../../../src/hypervisor/ring0/descriptor.js";
import { KERNEL_CODE_64 } from "../../../src/hypervisor/ring0/layout.js";
import { Monitor } from "../../../src/hypervisor/ring0/monitor.js";
import { Ring0Port } from "../../../src/hypervisor/ring0/port.js";
import { Machine } from "../../../src/machine/machine.js";
import { MONITOR_SYSCALL, MONITOR_SYSENTER, MONITOR_VECTOR } from "../../../src/spec/monitor-reasons.js";
import { PAGE_LARGE, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE } from "../../../src/spec/page-bits.js";
import * as V from "../../../src/spec/vectors.js";
import { PhysicalInterrupts } from "../../../src/hypervisor/io/physical-interrupts.js";
import { core } from "../../experiments/guest.js";

const assemble = await loadAssembler();

const BASE = 0xffff_fe80_0000_0000n;
const OPEN = 0x30;
const CODE = 0x50_0000;
const STACK = 0x60_0000;
const USER_CODE = 0x10 | 3;
const USER_DATA = 0x18 | 3;
const NX = 1n << 63n;

/** Identity mapping of the first GiB for everyone in 2 MiB pages, and the monitor's ranges. */
function pageTables(machine: Machine, frames: FrameAllocator, monitor: Monitor): number {
  const { memory } = machine;
  const upper = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
  const [pml4, pdpt, directory] = [frames.allocate(), frames.allocate(), frames.allocate()];
  memory.write64(pml4, BigInt(pdpt | upper));
  memory.write64(pdpt, BigInt(directory | upper));
  for (let i = 0; i < 512; i++)
    memory.write64(directory + 8 * i, BigInt(i * 0x20_0000) | BigInt(upper | PAGE_LARGE));
  const [ownPdpt, ownDirectory, ownTable] = [frames.allocate(), frames.allocate(), frames.allocate()];
  memory.write64(pml4 + 8 * 509, BigInt(ownPdpt | PAGE_PRESENT | PAGE_WRITABLE));
  memory.write64(ownPdpt, BigInt(ownDirectory | PAGE_PRESENT | PAGE_WRITABLE));
  memory.write64(ownDirectory, BigInt(ownTable | PAGE_PRESENT | PAGE_WRITABLE));
  for (const { linear, machine: first, bytes, writable, executable } of monitor.ranges) {
    for (let at = 0; at < bytes; at += 4096) {
      const index = (Number(linear - BASE) + at) / 4096;
      const entry =
        BigInt(first + at) | BigInt(PAGE_PRESENT | (writable ? PAGE_WRITABLE : 0)) | (executable ? 0n : NX);
      memory.write64(ownTable + 8 * index, entry);
    }
  }
  return pml4;
}

function build(source: string, ring: 1 | 3) {
  const machine = new Machine({ core, ramBytes: 0x80_0000 });
  const port = new Ring0Port(machine);
  const frames = new FrameAllocator(machine.memory, FRAMES_BASE, GUEST_RAM_BASE);
  const monitor = new Monitor(port, frames, BASE, OPEN);
  monitor.tables.setDescriptor(USER_CODE, flatCode(3, 64));
  monitor.tables.setDescriptor(USER_DATA, flatData(3));
  monitor.takeOver(pageTables(machine, frames, monitor), 0);
  machine.memory.write(CODE, assemble(`.code64\n${source}`, { origin: CODE }).bytes);
  monitor.rip = BigInt(CODE);
  monitor.cs = ring === 1 ? KERNEL_CODE_64 : USER_CODE;
  monitor.ss = ring === 1 ? 1 : USER_DATA;
  monitor.rsp = BigInt(STACK);
  monitor.rflags = 0x202n;
  return { machine, port, monitor };
}

/** Runs to the next arrival. */
function leave({ machine, monitor }: ReturnType<typeof build>): number {
  monitor.resume();
  const stop = machine.run({ maxSteps: 10_000 });
  expect(stop).toEqual({ kind: "monitor" });
  return monitor.arrive();
}

describe("code at ring 1 and ring 3", () => {
  it.each([
    ["INT of the open vector at ring 1", 1, `int ${OPEN}`, OPEN, 0, 2],
    ["INT of the open vector at ring 3", 3, `int ${OPEN}`, V.GENERAL_PROTECTION, OPEN * 8 + 2, 0],
    ["INT of another vector at ring 1", 1, "int 0x80", V.GENERAL_PROTECTION, 0x80 * 8 + 2, 0],
    ["INT3", 3, "int3", V.GENERAL_PROTECTION, 3 * 8 + 2, 0],
    ["CLI", 1, "cli", V.GENERAL_PROTECTION, 0, 0],
    ["HLT", 1, "hlt", V.GENERAL_PROTECTION, 0, 0],
    ["a port at ring 1", 1, "in al, 0x80", V.GENERAL_PROTECTION, 0, 0],
    ["a port at ring 3", 3, "out 0xf4, al", V.GENERAL_PROTECTION, 0, 0],
    ["MOV to CR3", 1, "mov cr3, rax", V.GENERAL_PROTECTION, 0, 0],
    ["a division by zero", 3, "xor ecx, ecx\ndiv ecx", V.DIVIDE_ERROR, 0, 2],
    ["an undefined instruction", 1, "ud2", V.INVALID_OPCODE, 0, 0],
    ["a page that is not there", 1, "mov eax, [0x40000000]", V.PAGE_FAULT, 0, 0],
    ["a write to the monitor's GDT at ring 1", 1, `mov rbx, ${BASE}\nmov [rbx], rax`, V.PAGE_FAULT, 3, 10],
    ["a write to its IDT at ring 1", 1, `mov rbx, ${BASE + 0x20000n}\nmov [rbx], rax`, V.PAGE_FAULT, 3, 10],
    ["a read of it at ring 3", 3, `mov rbx, ${BASE}\nmov rax, [rbx]`, V.PAGE_FAULT, 5, 10],
    ["a jump into its stubs at ring 3", 3, `mov rbx, ${BASE + 0x24000n}\njmp rbx`, V.PAGE_FAULT, 0x15, -1],
    [
      "a jump into its stubs at ring 1",
      1,
      `mov rbx, ${BASE + 0x24000n}\njmp rbx`,
      V.GENERAL_PROTECTION,
      0,
      -1,
    ],
  ] as const)("%s arrives", (_, ring, source, vector, errorCode, offset) => {
    const run = build(source, ring);
    expect(leave(run)).toBe(MONITOR_VECTOR + vector);
    expect(run.monitor.errorCode).toBe(errorCode);
    expect(run.monitor.cs).toBe(ring === 1 ? KERNEL_CODE_64 : USER_CODE);
    if (offset >= 0) expect(Number(run.monitor.rip) - CODE).toBe(offset);
    expect(run.monitor.rsp).toBe(BigInt(STACK));
  });

  it("SYSCALL arrives with what it saves", () => {
    const run = build("syscall", 3);
    expect(leave(run)).toBe(MONITOR_SYSCALL);
    expect(run.monitor.rip).toBe(BigInt(CODE + 2));
    expect(run.monitor.rflags).toBe(0x202n);
    expect(run.monitor.rsp).toBe(BigInt(STACK));
  });

  it("SYSENTER arrives", () => {
    expect(leave(build("sysenter", 3))).toBe(MONITOR_SYSENTER);
  });

  it("POPF changes neither IF nor IOPL, and says nothing", () => {
    const run = build(
      `pushfq\nand qword ptr [rsp], 0xfffffffffffffdff\nor qword ptr [rsp], 0x3001\npopfq\nint ${OPEN}`,
      1,
    );
    expect(leave(run)).toBe(MONITOR_VECTOR + OPEN);
    expect(run.monitor.rflags & 0x3201n).toBe(0x201n);
  });

  it("an interrupt of the machine arrives, whatever the guest does", () => {
    const run = build("cld\nagain: jmp again", 1);
    const interrupts = new PhysicalInterrupts(run.port, () => {});
    interrupts.timer.arm(run.port.cycles + 1000);
    expect(leave(run)).toBe(MONITOR_VECTOR + 0x20);
    expect(run.port.cycles).toBeGreaterThan(1000);
    interrupts.take(0x20);
  });

  it("goes on where it was, again and again", () => {
    const run = build(`again: inc rax\nint ${OPEN}\njmp again`, 1);
    for (let i = 0; i < 5; i++) expect(leave(run)).toBe(MONITOR_VECTOR + OPEN);
    expect(run.port.readRegister(0)).toBe(5n);
  });

  it("has an access carried out elsewhere", () => {
    const run = build("mov rbx, 0x40000000\nmov eax, [rbx + 8]\nmov [rbx + 12], rax\nud2", 3);
    const seen: string[] = [];
    const devices = {
      read: (address: number, size: number) => {
        seen.push(`read ${address.toString(16)} ${size}`);
        return 7;
      },
      write: (address: number, size: number, value: number) =>
        void seen.push(`write ${address.toString(16)} ${size} ${value}`),
    };
    for (let i = 0; i < 2; i++) {
      expect(leave(run)).toBe(MONITOR_VECTOR + V.PAGE_FAULT);
      expect(run.monitor.resumeEmulating(0x4000_0000n, 0xfec0_0000, devices)).toBe(true);
      expect(run.machine.run({ maxSteps: 1 }).kind).toBe("monitor");
      run.monitor.arrive();
    }
    expect(seen).toEqual(["read fec00008 4", "write fec0000c 4 7", "write fec00010 4 0"]);
    expect(Number(run.monitor.rip)).toBe(CODE + 14);
  });
});
