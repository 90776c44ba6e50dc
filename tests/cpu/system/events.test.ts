/**
 * Delivery of exceptions and interrupts, and IRET, in 64-bit, 32-bit protected and real mode.
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as state from "../../../src/spec/cpu-state.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { STOP_HALTED, STOP_REQUESTED, STOP_SHUTDOWN } from "../../../src/spec/stops.js";
import { Machine } from "./harness.js";
import {
  CODE,
  GUEST_CR3_ROOT,
  GUEST_GDT,
  GUEST_IDT,
  GUEST_TSS,
  KERNEL_CS,
  KERNEL_SS,
  STACK,
  TSS_SELECTOR,
  USER_CS,
  USER_SS,
  writeTables,
} from "./vmx-setup.js";

const RSP = state.GPR + 32;
/** A decoded op for a handler called on its own: 2 bytes long. */
const OP = 0x5_0000;
let machine: Machine;
beforeAll(async () => {
  machine = await Machine.create();
}, 120_000);

function segment(index: number, selector: number, rights: number): void {
  const at = state.SEGMENTS + index * state.SEGMENT_BYTES;
  machine.set64(at, 0n);
  machine.set32(at + state.SEGMENT_LIMIT, 0xffff_ffff);
  machine.set32(at + state.SEGMENT_RIGHTS, rights);
  machine.set32(at + state.SEGMENT_SELECTOR, selector);
}

function longMode(ring: 0 | 3): void {
  machine.cpu.resetState();
  writeTables(machine);
  machine.set64(state.CR0, 0x8000_0031n);
  machine.set64(state.CR3, BigInt(GUEST_CR3_ROOT));
  machine.set64(state.CR4, 0x20n);
  machine.set64(state.MSR_EFER, 0xd01n);
  machine.set64(state.GDTR_BASE, BigInt(GUEST_GDT));
  machine.set32(state.GDTR_LIMIT, 0x37);
  machine.set64(state.IDTR_BASE, BigInt(GUEST_IDT));
  machine.set32(state.IDTR_LIMIT, 0xfff);
  segment(state.CS, ring === 3 ? USER_CS : KERNEL_CS, ring === 3 ? 0xa0fb : 0xa09b);
  segment(state.SS, ring === 3 ? USER_SS : KERNEL_SS, ring === 3 ? 0xc0f3 : 0xc093);
  segment(state.TR, TSS_SELECTOR, 0x8b);
  machine.set64(state.SEGMENTS + state.TR * state.SEGMENT_BYTES, BigInt(GUEST_TSS));
  machine.set32(state.CPL, ring);
  machine.set64(state.RIP, 0x1234n);
  machine.set64(RSP, 0x5_4321n);
  machine.set64(state.RFLAGS, 0x202n);
  machine.cpu.stateReplaced();
}

function op(size: number): void {
  for (let i = 0; i < 40; i += 8) machine.set64(OP + i, 0n);
  machine.view.setUint8(OP + 2, 2);
  machine.view.setUint8(OP + 3, size);
}

const call = (handler: string): void => {
  (machine.cpu[handler] as (at: number) => void)(OP);
};
const stackAt = (rsp: bigint, n: number): bigint => machine.read(Number(rsp) + 8 * n);

beforeEach(() => {
  machine.board.log.length = 0;
});

describe("64-bit mode", () => {
  it("pushes SS:RSP, flags, CS:RIP and the error code on an aligned stack in ring 0", () => {
    longMode(0);
    machine.cpu.raise(13, 0x18n);
    machine.cpu.deliverPending();
    const rsp = machine.get64(RSP);
    expect(rsp).toBe(0x5_4320n - 48n);
    expect([0, 1, 2, 3, 4, 5].map((n) => stackAt(rsp, n))).toEqual([
      0x18n,
      0x1234n,
      BigInt(KERNEL_CS),
      0x1_0202n,
      0x5_4321n,
      BigInt(KERNEL_SS),
    ]);
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 13 * 16));
    expect(machine.get64(state.RFLAGS) & 0x200n).toBe(0n);
  });

  it("takes RSP0 and a null SS from ring 3, and IRET goes back", () => {
    longMode(3);
    machine.cpu.raise(6, -1n);
    machine.cpu.deliverPending();
    const rsp = machine.get64(RSP);
    expect(rsp).toBe(BigInt(STACK) - 40n);
    expect(machine.get32(state.CPL)).toBe(0);
    expect(
      machine.get32(state.SEGMENTS + state.SS * state.SEGMENT_BYTES + state.SEGMENT_SELECTOR) & 0xffff,
    ).toBe(0);
    op(8);
    call("iret");
    expect(machine.cpu.faultPending.value).toBe(0);
    expect(machine.get32(state.CPL)).toBe(3);
    expect(machine.get64(state.RIP)).toBe(0x1234n);
    expect(machine.get64(RSP)).toBe(0x5_4321n);
    expect(machine.get64(state.RFLAGS) & 0x202n).toBe(0x202n);
    expect(
      machine.get32(state.SEGMENTS + state.SS * state.SEGMENT_BYTES + state.SEGMENT_SELECTOR) & 0xffff,
    ).toBe(USER_SS);
  });

  it("uses IST where the gate says so", () => {
    longMode(0);
    machine.write(GUEST_IDT + 16 * 8, machine.read(GUEST_IDT + 16 * 8) | (1n << 32n));
    machine.cpu.raise(8, 0n);
    machine.cpu.deliverPending();
    expect(machine.get64(RSP)).toBe(BigInt(STACK - 0x800) - 48n);
  });

  it("an INT that may not use its gate is #GP with the IDT bit", () => {
    longMode(3);
    machine.cpu.deliverSoftwareEvent(0x80, 4, 2);
    expect(machine.cpu.faultVector.value).toBe(13);
    expect(machine.cpu.faultErrorCode.value).toBe(BigInt(0x80 * 8 + 2));
    machine.cpu.deliverPending();
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 13 * 16));
    expect(stackAt(machine.get64(RSP), 1)).toBe(0x1234n);
  });

  it("a page fault sets CR2; one in the delivery of another is a double fault, then shutdown", () => {
    longMode(0);
    machine.cpu.raisePageFault(0xdead_0000n, 2n);
    machine.cpu.deliverPending();
    expect(machine.get64(state.CR2)).toBe(0xdead_0000n);
    longMode(0);
    machine.write(GUEST_IDT + 16 * 14, 0n);
    machine.cpu.raisePageFault(0xdead_0000n, 2n);
    machine.cpu.deliverPending();
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 8 * 16));
    expect(stackAt(machine.get64(RSP), 0)).toBe(0n);
    longMode(0);
    machine.set32(state.IDTR_LIMIT, 0);
    machine.cpu.raisePageFault(0xdead_0000n, 2n);
    machine.cpu.deliverPending();
    expect(machine.cpu.stopReason.value).toBe(STOP_SHUTDOWN);
  });

  it("a contributory exception after a benign one is delivered by itself", () => {
    longMode(0);
    machine.write(GUEST_IDT + 16 * 6, 0n);
    machine.cpu.raise(6, -1n);
    machine.cpu.deliverPending();
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 13 * 16));
    expect(stackAt(machine.get64(RSP), 0)).toBe(BigInt(6 * 8 + 2 + 1));
  });

  it("a stack that cannot be written leaves nothing half done", () => {
    longMode(0);
    machine.set64(RSP, 0x40_0010_0000n);
    machine.cpu.raise(6, -1n);
    machine.cpu.deliverPending();
    expect(machine.get64(state.CR2)).toBe(0x40_0010_0000n - 8n);
    expect(machine.cpu.stopReason.value).toBe(STOP_SHUTDOWN);
    expect(machine.get64(RSP)).toBe(0x40_0010_0000n);
    expect(machine.get64(state.RIP)).toBe(0x1234n);
  });
});

describe("32-bit protected mode", () => {
  function protectedMode(): void {
    longMode(0);
    machine.set64(state.CR0, 0x31n);
    machine.set64(state.CR4, 0n);
    machine.set64(state.MSR_EFER, 0n);
    segment(state.CS, KERNEL_CS, 0xc09b);
    machine.write(GUEST_GDT + 8, 0x00cf_9b00_0000_ffffn);
    machine.write(
      GUEST_IDT + 8 * 13,
      (BigInt(CODE) & 0xffffn) | (BigInt(KERNEL_CS) << 16n) | (0x8e00n << 32n) | (BigInt(CODE >> 16) << 48n),
    );
    machine.set64(state.RFLAGS, 0x202n);
    machine.cpu.stateReplaced();
  }

  it("pushes four-byte items and no stack pointer, and IRET goes back", () => {
    protectedMode();
    machine.cpu.raise(13, 0n);
    machine.cpu.deliverPending();
    const esp = Number(machine.get64(RSP));
    expect(esp).toBe(0x5_4321 - 16);
    expect([0, 4, 8, 12].map((n) => machine.get32(RAM_BASE + esp + n))).toEqual([
      0,
      0x1234,
      KERNEL_CS,
      0x1_0202,
    ]);
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE));
    machine.set64(RSP, BigInt(esp + 4));
    op(4);
    call("iret");
    expect(machine.get64(state.RIP)).toBe(0x1234n);
    expect(machine.get64(RSP)).toBe(0x5_4321n);
  });
});

describe("real-address mode", () => {
  it("goes through the vector table with two-byte items", () => {
    machine.cpu.resetState();
    machine.write(0x18, 0x2000_0123n);
    machine.set64(RSP, 0x100n);
    machine.set64(state.RIP, 0x77n);
    machine.cpu.raise(6, -1n);
    machine.cpu.deliverPending();
    expect(machine.get64(state.RIP)).toBe(0x123n);
    expect(machine.get64(state.SEGMENTS + state.CS * state.SEGMENT_BYTES)).toBe(0x2_0000n);
    expect(machine.get64(RSP)).toBe(0xfan);
    expect(machine.get32(RAM_BASE + 0xfa) >>> 0).toBe(0xf000_0077);
  });
});

describe("interrupts", () => {
  it("are taken with IF set, at the vector that the controller names", () => {
    longMode(0);
    machine.board.vector = 0x31;
    machine.set32(state.INTR_LINE, 1);
    expect(machine.cpu.takeInterrupt()).toBe(1);
    expect(machine.board.log).toEqual(["acknowledge"]);
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 0x310));
    expect(machine.cpu.takeInterrupt()).toBe(0);
  });

  it("STI blocks them until after the next instruction", () => {
    longMode(0);
    machine.set64(state.RFLAGS, 2n);
    machine.cpu.stateReplaced();
    machine.set32(state.INTR_LINE, 1);
    op(8);
    call("sti");
    machine.set64(state.INSTRUCTIONS, 1n);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(1);
    expect(machine.cpu.takeInterrupt()).toBe(0);
    expect(machine.cpu.attention.value).toBe(1);
    machine.set64(state.INSTRUCTIONS, 2n);
    expect(machine.cpu.takeInterrupt()).toBe(1);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(0);
  });

  it("HLT waits for one, and goes on after it", () => {
    longMode(0);
    op(8);
    call("hlt");
    machine.set64(state.RIP, 0x1236n);
    expect(machine.cpu.takeInterrupt()).toBe(0);
    expect(machine.cpu.stopReason.value).toBe(STOP_HALTED);
    machine.cpu.clearStop();
    machine.set32(state.INTR_LINE, 1);
    expect(machine.cpu.takeInterrupt()).toBe(1);
    expect(machine.get32(state.ACTIVITY)).toBe(0);
    expect(stackAt(machine.get64(RSP), 0)).toBe(0x1236n);
  });

  it("a device may ask to stop", () => {
    longMode(0);
    machine.set32(state.STOP_REQUEST, 1);
    machine.cpu.takeInterrupt();
    expect(machine.cpu.stopReason.value).toBe(STOP_REQUESTED);
  });
});

describe("SYSCALL and SYSRET", () => {
  it("make the round trip", () => {
    longMode(3);
    machine.set64(state.MSR_STAR, (0x10n << 48n) | (BigInt(KERNEL_CS) << 32n));
    machine.set64(state.MSR_LSTAR, 0x9000n);
    machine.set64(state.MSR_FMASK, 0x200n);
    op(8);
    call("syscall");
    expect(machine.get64(state.RIP)).toBe(0x9000n);
    expect(machine.get32(state.CPL)).toBe(0);
    expect(machine.get64(state.GPR + 8)).toBe(0x1236n);
    expect(machine.get64(state.GPR + 88)).toBe(0x202n);
    expect(machine.get64(state.RFLAGS) & 0x200n).toBe(0n);
    call("sysret");
    expect(machine.get32(state.CPL)).toBe(3);
    expect(machine.get64(state.RIP)).toBe(0x1236n);
    expect(machine.get64(state.RFLAGS)).toBe(0x202n);
    expect(
      machine.get32(state.SEGMENTS + state.CS * state.SEGMENT_BYTES + state.SEGMENT_SELECTOR) & 0xffff,
    ).toBe(0x23);
  });

  it("SYSRET to a RIP that is not canonical is #GP(0) in ring 0", () => {
    longMode(0);
    machine.set64(state.GPR + 8, 1n << 47n);
    op(8);
    call("sysret");
    expect(machine.cpu.faultVector.value).toBe(13);
    expect(machine.get32(state.CPL)).toBe(0);
  });
});
