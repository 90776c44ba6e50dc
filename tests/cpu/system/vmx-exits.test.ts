/**
 * VM exits of a guest that runs machine code: reason, qualification, instruction length and the rest of what the manual
 * says that an exit reports (SDM Vol. 3, chapters 26 and 28).
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as state from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { STOP_BUDGET, STOP_HALTED, STOP_VM_EXIT } from "../../../src/spec/stops.js";
import type { Machine } from "./harness.js";
import {
  CODE,
  EPT_ROOT,
  GUEST_CR3_ROOT,
  GUEST_GDT,
  GUEST_IDT,
  GUEST_TSS,
  HOST_CODE,
  KERNEL_CS,
  KERNEL_SS,
  STACK,
  TSS_SELECTOR,
  VMCS,
  VMXON_REGION,
  enterRoot,
  monitored,
  read,
  write,
} from "./vmx-setup.js";

let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 240_000);
beforeEach(() => {
  enterRoot(machine);
  machine.board.log.length = 0;
  machine.set32(state.INTR_LINE, 0);
});

const PRIMARY = 0x0400_6172 + 0x8000_0000;
const SECONDARY = (1 << 1) | (1 << 3) | (1 << 5) | (1 << 7) | (1 << 12);
type Change = readonly [number, bigint | number];
const primary = (bit: number): Change => [field.PRIMARY_CONTROLS, PRIMARY + 2 ** bit];
const secondary = (bit: number): Change => [field.SECONDARY_CONTROLS, SECONDARY | (1 << bit)];
const NOTHING: Change = [field.PRIMARY_CONTROLS, PRIMARY];

interface Expected {
  reason: number;
  qualification?: number;
  length?: number;
  information?: number;
}

function guest(bytes: readonly number[], changes: readonly Change[]): void {
  write(machine, field.PRIMARY_CONTROLS, PRIMARY);
  write(machine, field.SECONDARY_CONTROLS, SECONDARY);
  for (const [encoding, value] of changes) write(machine, encoding, value);
  machine.load(CODE, [...bytes, 0xf4]);
  machine.cpu.invalidateCode(CODE, 64);
  [0x1234, 0x1111, 0x3f8, 0x2222].forEach((value, i) => {
    machine.set64(state.GPR + 8 * i, BigInt(value));
  });
  expect(machine.cpu.vmlaunch()).toBe(0);
}

const number = (encoding: number): number => Number(read(machine, encoding));

function expectExit(expected: Expected): void {
  expect(machine.cpu.run(1000)).toBe(STOP_VM_EXIT);
  expect(number(field.EXIT_REASON)).toBe(expected.reason);
  if (expected.qualification !== undefined)
    expect(number(field.EXIT_QUALIFICATION)).toBe(expected.qualification);
  if (expected.length !== undefined) expect(number(field.EXIT_INSTRUCTION_LENGTH)).toBe(expected.length);
  if (expected.information !== undefined)
    expect(number(field.EXIT_INSTRUCTION_INFORMATION)).toBe(expected.information);
}

const BY_INSTRUCTION: readonly (readonly [string, readonly number[], readonly Change[], Expected])[] = [
  ["CPUID", [0x0f, 0xa2], [], { reason: 10, qualification: 0, length: 2 }],
  ["HLT", [0xf4], [primary(7)], { reason: 12, length: 1 }],
  ["INVD", [0x0f, 0x08], [], { reason: 13, length: 2 }],
  ["INVLPG [rax]", [0x0f, 0x01, 0x38], [primary(9)], { reason: 14, qualification: 0x1234, length: 3 }],
  ["RDPMC", [0x0f, 0x33], [primary(11)], { reason: 15, length: 2 }],
  ["RDTSC", [0x0f, 0x31], [primary(12)], { reason: 16, length: 2 }],
  ["RDTSCP", [0x0f, 0x01, 0xf9], [primary(12)], { reason: 51, length: 3 }],
  ["VMCALL", [0x0f, 0x01, 0xc1], [], { reason: 18, length: 3 }],
  [
    "VMCLEAR [rax]",
    [0x66, 0x0f, 0xc7, 0x30],
    [],
    { reason: 19, qualification: 0, length: 4, information: 0x0041_8100 },
  ],
  [
    "VMCLEAR [rbx+rcx*4+0x10]",
    [0x66, 0x0f, 0xc7, 0x74, 0x8b, 0x10],
    [],
    {
      reason: 19,
      qualification: 0x10,
      length: 6,
      information: 2 | (2 << 7) | (3 << 15) | (1 << 18) | (3 << 23),
    },
  ],
  ["VMLAUNCH", [0x0f, 0x01, 0xc2], [], { reason: 20, length: 3 }],
  [
    "VMPTRLD [rip+0x100]",
    [0x0f, 0xc7, 0x35, 0x00, 0x01, 0, 0],
    [],
    { reason: 21, qualification: CODE + 7 + 0x100, length: 7 },
  ],
  ["VMPTRST [rax]", [0x0f, 0xc7, 0x38], [], { reason: 22 }],
  ["VMREAD rax, rbx", [0x0f, 0x78, 0xd8], [], { reason: 23, information: (1 << 10) | (3 << 28) }],
  ["VMRESUME", [0x0f, 0x01, 0xc3], [], { reason: 24 }],
  ["VMWRITE rbx, rax", [0x0f, 0x79, 0xd8], [], { reason: 25, information: (1 << 10) | (3 << 28) }],
  ["VMXOFF", [0x0f, 0x01, 0xc4], [], { reason: 26 }],
  ["VMXON [rax]", [0xf3, 0x0f, 0xc7, 0x30], [], { reason: 27 }],
  [
    "MOV CR0, rax",
    [0x0f, 0x22, 0xc0],
    [[field.CR0_GUEST_HOST_MASK, 0x10]],
    { reason: 28, qualification: 0, length: 3 },
  ],
  ["MOV rcx, CR3", [0x0f, 0x20, 0xd9], [primary(16)], { reason: 28, qualification: 0x113 }],
  ["MOV CR3, rcx", [0x0f, 0x22, 0xd9], [primary(15)], { reason: 28, qualification: 0x103 }],
  [
    "MOV CR4, rbx",
    [0x0f, 0x22, 0xe3],
    [
      [field.CR4_GUEST_HOST_MASK, 0x2000],
      [field.CR4_READ_SHADOW, 0],
    ],
    { reason: 28, qualification: 0x304 },
  ],
  ["MOV CR8, rax", [0x44, 0x0f, 0x22, 0xc0], [primary(19)], { reason: 28, qualification: 8, length: 4 }],
  ["MOV rax, CR8", [0x44, 0x0f, 0x20, 0xc0], [primary(20)], { reason: 28, qualification: 0x18 }],
  [
    "CLTS",
    [0x0f, 0x06],
    [
      [field.CR0_GUEST_HOST_MASK, 8],
      [field.CR0_READ_SHADOW, 8],
    ],
    { reason: 28, qualification: 0x20 },
  ],
  [
    "LMSW ax",
    [0x0f, 0x01, 0xf0],
    [[field.CR0_GUEST_HOST_MASK, 4]],
    { reason: 28, qualification: 0x1234_0030 },
  ],
  ["MOV DR7, rbx", [0x0f, 0x23, 0xfb], [primary(23)], { reason: 29, qualification: 0x307 }],
  ["MOV rax, DR6", [0x0f, 0x21, 0xf0], [primary(23)], { reason: 29, qualification: 0x16 }],
  ["IN al, dx", [0xec], [primary(24)], { reason: 30, qualification: 0x03f8_0008, length: 1 }],
  ["OUT 80H, eax", [0xe7, 0x80], [primary(24)], { reason: 30, qualification: 0x0080_0043, length: 2 }],
  [
    "REP INSB",
    [0xf3, 0x6c],
    [primary(24)],
    { reason: 30, qualification: 0x03f8_0038, length: 2, information: 2 << 7 },
  ],
  [
    "OUTSW",
    [0x66, 0x6f],
    [primary(24)],
    { reason: 30, qualification: 0x03f8_0011, information: (2 << 7) | (3 << 15) },
  ],
  ["RDMSR", [0x0f, 0x32], [], { reason: 31, length: 2 }],
  ["WRMSR", [0x0f, 0x30], [], { reason: 32, length: 2 }],
  ["MWAIT", [0x31, 0xc9, 0x0f, 0x01, 0xc9], [primary(10)], { reason: 36, length: 3 }],
  ["MONITOR", [0x31, 0xc9, 0x0f, 0x01, 0xc8], [primary(29)], { reason: 39, length: 3 }],
  ["PAUSE", [0xf3, 0x90], [primary(30)], { reason: 40, length: 2 }],
  ["LGDT [rax+8]", [0x0f, 0x01, 0x50, 0x08], [secondary(2)], { reason: 46, qualification: 8, length: 4 }],
  ["SIDT [rax]", [0x0f, 0x01, 0x08], [secondary(2)], { reason: 46 }],
  ["SLDT eax", [0x0f, 0x00, 0xc0], [secondary(2)], { reason: 47, information: 1 << 10 }],
  [
    "LTR bx",
    [0x0f, 0x00, 0xdb],
    [secondary(2)],
    { reason: 47, information: (3 << 3) | (1 << 10) | (3 << 28) },
  ],
  ["INVEPT rbx, [rax]", [0x66, 0x0f, 0x38, 0x80, 0x18], [], { reason: 50, length: 5 }],
  ["INVVPID rbx, [rax]", [0x66, 0x0f, 0x38, 0x81, 0x18], [], { reason: 53 }],
  ["WBINVD", [0x0f, 0x09], [secondary(6)], { reason: 54, length: 2 }],
  ["XSETBV", [0x0f, 0x01, 0xd1], [[field.GUEST_CR4, 0x4_2020]], { reason: 55, qualification: 0, length: 3 }],
  ["INVPCID rbx, [rax]", [0x66, 0x0f, 0x38, 0x82, 0x18], [primary(9)], { reason: 58, length: 5 }],
];

describe("instructions", () => {
  it.each(BY_INSTRUCTION)("%s", (_, bytes, changes, expected) => {
    guest(bytes, changes);
    expectExit(expected);
    expect(number(field.GUEST_RIP)).toBe(CODE + (bytes[0] === 0x31 ? 2 : 0));
    expect(machine.get64(state.RIP)).toBe(BigInt(HOST_CODE));
    expect(machine.get64(state.GPR)).toBe(0x1234n);
  });

  it("are executed where nothing intercepts them", () => {
    // MOV rax, CR3; MOV CR3, rax; RDTSC; PAUSE; MOV rdx, DR7; INVLPG [rax]; then HLT
    guest(
      [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x0f, 0x31, 0xf3, 0x90, 0x0f, 0x21, 0xfa, 0x0f, 0x01, 0x38],
      [primary(7)],
    );
    expectExit({ reason: 12 });
    expect(number(field.GUEST_RIP)).toBe(CODE + 16);
  });

  it("CR3 targets do not exit", () => {
    guest(
      [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8],
      [
        [field.PRIMARY_CONTROLS, PRIMARY + 2 ** 15 + 2 ** 7],
        [field.CR3_TARGET_COUNT, 2],
        [field.CR3_TARGET_VALUE_1, GUEST_CR3_ROOT],
      ],
    );
    expectExit({ reason: 12 });
  });

  it("I/O bitmaps choose ports, wrapping included", () => {
    machine.load(0x7_0000, Array<number>(0x2000).fill(0));
    machine.load(0x7_0000 + (0x3f8 >> 3), [1]);
    const io: Change[] = [
      [field.PRIMARY_CONTROLS, PRIMARY + 2 ** 25 + 2 ** 7],
      [field.IO_BITMAP_A, 0x7_0000],
      [field.IO_BITMAP_B, 0x7_1000],
    ];
    guest([0xe4, 0x60, 0xec], io);
    expectExit({ reason: 30, qualification: 0x03f8_0008 });
    expect(machine.board.log).toEqual(["in 60 1"]);
    enterRoot(machine);
    guest([0x66, 0xba, 0xf7, 0x03, 0xef], io);
    expectExit({ reason: 30, qualification: 0x03f7_0003 });
    enterRoot(machine);
    guest([0x66, 0xba, 0xff, 0xff, 0x66, 0xef], io);
    expectExit({ reason: 30, qualification: 0xffff_0001 });
  });

  it("MSR bitmaps choose MSRs and directions", () => {
    machine.load(0x7_0000, Array<number>(0x1000).fill(0));
    machine.load(0x7_0000 + 2048 + 1024 + (0x82 >> 3), [1 << 2]);
    const msr: Change[] = [
      [field.PRIMARY_CONTROLS, PRIMARY + 2 ** 28 + 2 ** 7],
      [field.MSR_BITMAP, 0x7_0000],
    ];
    guest([0xb9, 0x82, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x0f, 0x30], msr);
    expectExit({ reason: 32 });
    expect(number(field.GUEST_RIP)).toBe(CODE + 7);
  });

  it("guest/host masks: the guest reads shadows, keeps what the host owns", () => {
    // MOV rax, CR0; MOV CR0, rax; MOV rcx, CR0
    guest(
      [0x0f, 0x20, 0xc0, 0x0f, 0x22, 0xc0, 0x0f, 0x20, 0xc1],
      [primary(7), [field.CR0_GUEST_HOST_MASK, 0x20], [field.CR0_READ_SHADOW, 0]],
    );
    expectExit({ reason: 12 });
    expect(machine.get64(state.GPR + 8) & 0x20n).toBe(0n);
    expect(number(field.GUEST_CR0) & 0x20).toBe(0x20);
  });

  it("the time stamp counter has its offset", () => {
    guest(
      [0x0f, 0x31],
      [
        [field.PRIMARY_CONTROLS, PRIMARY + 8 + 2 ** 7],
        [field.TSC_OFFSET, 1n << 40n],
      ],
    );
    expectExit({ reason: 12 });
    expect(machine.get64(state.GPR + 16)).toBe(0x100n);
  });

  it("a fault comes before the exit: privilege", () => {
    guest(
      [0xf4],
      [
        primary(7),
        [field.EXCEPTION_BITMAP, 1 << 13],
        [field.GUEST_CS_SELECTOR, 0x1b],
        [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb],
        [field.GUEST_SS_SELECTOR, 0x23],
        [field.GUEST_SS_ACCESS_RIGHTS, 0xc0f3],
      ],
    );
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0b0d);
  });
});

describe("XSETBV", () => {
  const invalid: Change = [field.EXCEPTION_BITMAP, (1 << 6) | (1 << 13)];
  it("is #UD without CR4.OSXSAVE and #GP(0) above ring 0 before it exits", () => {
    guest([0x0f, 0x01, 0xd1], [invalid]);
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0306);
    enterRoot(machine);
    guest(
      [0x0f, 0x01, 0xd1],
      [
        invalid,
        [field.GUEST_CR4, 0x4_2020],
        [field.GUEST_CS_SELECTOR, 0x1b],
        [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb],
        [field.GUEST_SS_SELECTOR, 0x23],
        [field.GUEST_SS_ACCESS_RIGHTS, 0xc0f3],
      ],
    );
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0b0d);
  });
});

describe("VMFUNC", () => {
  it("is #UD, for the control that enables VM functions is not there: no exit of its own", () => {
    guest([0x0f, 0x01, 0xd4], [[field.EXCEPTION_BITMAP, 1 << 6]]);
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0306);
  });
});

/** Tasks are of protected mode: a 32-bit guest without paging (26.2, 28.2.1, table 28-2). */
describe("task switches", () => {
  const NEW_TASK = 0x30;
  const TASK_GATE = 0x18;
  const IDT_GATE = 0x41;
  const GUEST_32: readonly Change[] = [
    [field.GUEST_CR0, 0x31],
    [field.GUEST_IA32_EFER, 0],
    [field.ENTRY_CONTROLS, 0x11fb | (1 << 15)],
    [field.GUEST_CS_ACCESS_RIGHTS, 0xc09b],
  ];
  const SOURCES = { call: 0, iret: 1, jump: 2, idt: 3 };
  const qualification = (source: keyof typeof SOURCES): number => SOURCES[source] * 2 ** 30 + NEW_TASK;
  function start(code: readonly number[], changes: readonly Change[] = []): void {
    machine.write(GUEST_GDT + NEW_TASK, 0x0000_8900_0000_0067n | (BigInt(GUEST_TSS + 0x100) << 16n));
    machine.write(GUEST_GDT + TASK_GATE, (BigInt(NEW_TASK) << 16n) | (0xe500n << 32n));
    machine.write(GUEST_IDT + 8 * IDT_GATE, (BigInt(NEW_TASK) << 16n) | (0xe500n << 32n));
    machine.write(GUEST_IDT + 8 * 6, (BigInt(NEW_TASK) << 16n) | (0xe500n << 32n));
    machine.set32(RAM_BASE + GUEST_TSS, NEW_TASK);
    guest(code, [...GUEST_32, ...changes]);
  }
  const far = (opcode: number, selector: number): number[] => [opcode, 0, 0, 0, 0, selector, 0];

  it.each([
    ["CALL", far(0x9a, NEW_TASK), "call", 7],
    ["JMP", far(0xea, NEW_TASK), "jump", 7],
    ["CALL through a task gate", far(0x9a, TASK_GATE), "call", 7],
    ["INT n through a task gate of the IDT", [0xcd, IDT_GATE], "idt", 2],
  ] as const)("%s exits before anything of either task changes", (_name, code, source, length) => {
    start(code);
    expectExit({ reason: 9, qualification: qualification(source), length });
    expect(number(field.GUEST_RIP)).toBe(CODE);
    expect(number(field.GUEST_TR_SELECTOR)).toBe(TSS_SELECTOR);
    expect(Number(machine.read(GUEST_GDT + NEW_TASK) >> 40n) & 0xff).toBe(0x89);
    const vectoring = source === "idt" ? 0x8000_0400 + IDT_GATE : 0;
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(vectoring);
  });

  it("IRET with NT exits with the selector that the TSS links to, if that is busy", () => {
    start([0xcf], [[field.GUEST_RFLAGS, 0x4002]]);
    machine.write(GUEST_GDT + NEW_TASK, machine.read(GUEST_GDT + NEW_TASK) | (2n << 40n));
    expectExit({ reason: 9, qualification: qualification("iret"), length: 1 });
    enterRoot(machine);
    start(
      [0xcf],
      [
        [field.GUEST_RFLAGS, 0x4002],
        [field.EXCEPTION_BITMAP, 1 << 10],
      ],
    );
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0b0a);
    expect(number(field.EXIT_INTERRUPTION_ERROR_CODE)).toBe(NEW_TASK);
  });

  it("an exception through a task gate reports itself as the event in delivery", () => {
    start([0x0f, 0x0b]);
    expectExit({ reason: 9, qualification: qualification("idt") });
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0306);
    expect(number(field.GUEST_RFLAGS) & 0x1_0000).toBe(0x1_0000);
  });

  it("a TSS that may not be switched to faults before the exit", () => {
    start(far(0xea, NEW_TASK), [[field.EXCEPTION_BITMAP, 1 << 13]]);
    machine.write(GUEST_GDT + NEW_TASK, machine.read(GUEST_GDT + NEW_TASK) | (2n << 40n));
    expectExit({ reason: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0b0d);
    expect(number(field.EXIT_INTERRUPTION_ERROR_CODE)).toBe(NEW_TASK);
  });
});

describe("exceptions", () => {
  it("in the bitmap exit, with RF set for faults", () => {
    guest([0x0f, 0x0b], [[field.EXCEPTION_BITMAP, 1 << 6]]);
    expectExit({ reason: 0, qualification: 0 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0306);
    expect(number(field.GUEST_RFLAGS)).toBe(0x1_0002);
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0);
  });

  it("INT3 is a software exception with a length", () => {
    guest([0xcc], [[field.EXCEPTION_BITMAP, 1 << 3]]);
    expectExit({ reason: 0, length: 1 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0603);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });

  it("page faults are filtered by their error code, and CR2 is left alone", () => {
    const load = [0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0x70]; // MOV rax, [70000000H]
    guest(load, [
      [field.EXCEPTION_BITMAP, 1 << 14],
      [field.PAGE_FAULT_ERROR_CODE_MASK, 2],
      [field.PAGE_FAULT_ERROR_CODE_MATCH, 0],
    ]);
    machine.set64(state.CR2, 5n);
    expectExit({ reason: 0, qualification: 0x7000_0000 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0b0e);
    expect(machine.get64(state.CR2)).toBe(5n);
    enterRoot(machine);
    guest(load, [
      primary(7),
      [field.EXCEPTION_BITMAP, 1 << 14],
      [field.PAGE_FAULT_ERROR_CODE_MASK, 2],
      [field.PAGE_FAULT_ERROR_CODE_MATCH, 2],
    ]);
    machine.load(CODE + 14 * 16, [0xf4]);
    expectExit({ reason: 12 });
    expect(machine.get64(state.CR2)).toBe(0x7000_0000n);
    expect(number(field.GUEST_RIP)).toBe(CODE + 14 * 16);
  });

  it("a triple fault exits", () => {
    guest([0x0f, 0x0b], [[field.GUEST_IDTR_LIMIT, 0]]);
    expectExit({ reason: 2 });
  });

  it("an exit in the delivery of an event reports the event", () => {
    machine.write(EPT_ROOT + 0x3000 + 8 * 0x31, 0n);
    guest([0x0f, 0x0b], []);
    expectExit({ reason: 48, qualification: 0x181 });
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0306);
    enterRoot(machine);
    machine.write(EPT_ROOT + 0x3000 + 8 * 0x31, 0n);
    guest([0xcd, 0x80], []);
    expectExit({ reason: 48, length: 2 });
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0480);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });

  it("an exit after a software interrupt has the length of its own instruction", () => {
    guest([0xcd, 0x80], [primary(24)]);
    machine.load(CODE + 0x800, [0xec]);
    machine.cpu.invalidateCode(CODE + 0x800, 1);
    expectExit({ reason: 30, length: 1 });
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0);
  });
});

describe("interrupts", () => {
  it("exit unacknowledged, or acknowledged with their vector", () => {
    guest([0xeb, 0xfe], []);
    machine.cpu.setInterruptLine(1);
    expectExit({ reason: 1 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0);
    expect(machine.board.log).toEqual([]);
    enterRoot(machine);
    machine.board.vector = 0x55;
    guest([0xeb, 0xfe], [[field.EXIT_CONTROLS, 0x3_6dfb | (1 << 9) | (1 << 15) | (1 << 20) | (1 << 21)]]);
    machine.cpu.setInterruptLine(1);
    expectExit({ reason: 1 });
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0055);
  });

  it("a window opens with IF, one instruction after STI", () => {
    guest([0xfb, 0x90, 0x90], [primary(2)]);
    expectExit({ reason: 7 });
    expect(number(field.GUEST_RIP)).toBe(CODE + 2);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(0);
  });

  it("an exit in the shadow reports it", () => {
    guest([0xfb, 0xf4], [primary(7)]);
    expectExit({ reason: 12 });
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(1);
  });

  it("a guest in HLT waits, and an interrupt ends it by an exit", () => {
    guest([0xf4], []);
    expect(machine.cpu.run(100)).toBe(STOP_HALTED);
    machine.cpu.setInterruptLine(1);
    expectExit({ reason: 1 });
    expect(number(field.GUEST_ACTIVITY_STATE)).toBe(1);
    expect(number(field.GUEST_RIP)).toBe(CODE + 1);
  });

  it("the monitor trap flag exits after each instruction", () => {
    guest([0x90, 0x90], [primary(27)]);
    expectExit({ reason: 37 });
    expect(number(field.GUEST_RIP)).toBe(CODE + 1);
    expect(machine.cpu.vmresume()).toBe(0);
    expectExit({ reason: 37 });
    expect(number(field.GUEST_RIP)).toBe(CODE + 2);
  });
});

describe("injection", () => {
  const inject = (information: number, ...changes: Change[]): Change[] => [
    [field.ENTRY_INTERRUPTION_INFORMATION, information],
    ...changes,
  ];

  it("of an external interrupt, a hardware exception, a software interrupt", () => {
    guest([0x90], inject(0x8000_0020, [field.GUEST_RFLAGS, 0x202]));
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE + 0x200));
    expect(machine.get32(RAM_BASE + Number(machine.get64(state.GPR + 32)))).toBe(CODE);
    enterRoot(machine);
    guest([0x90], inject(0x8000_0b0d, [field.ENTRY_EXCEPTION_ERROR_CODE, 0x18]));
    expect(machine.get32(RAM_BASE + Number(machine.get64(state.GPR + 32)))).toBe(0x18);
    enterRoot(machine);
    guest([0x90], inject(0x8000_0480, [field.ENTRY_INSTRUCTION_LENGTH, 2]));
    expect(machine.get32(RAM_BASE + Number(machine.get64(state.GPR + 32)))).toBe(CODE + 2);
  });

  it("clears the valid bit at the exit", () => {
    guest([0x90], inject(0x8000_0b0d));
    machine.load(CODE + 13 * 16, [0x0f, 0xa2]);
    expectExit({ reason: 10 });
    expect(number(field.ENTRY_INTERRUPTION_INFORMATION)).toBe(0x0000_0b0d);
  });

  it("that faults in delivery exits at once and reports itself", () => {
    machine.write(EPT_ROOT + 0x3000 + 8 * 0x31, 0n);
    for (const [encoding, value] of inject(0x8000_0020, [field.GUEST_RFLAGS, 0x202]))
      write(machine, encoding, value);
    expect(machine.cpu.vmlaunch()).toBe(3);
    expect(number(field.EXIT_REASON)).toBe(48);
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0020);
  });

  it("of an NMI blocks NMIs until IRET", () => {
    guest([0x90], inject(0x8000_0202, NOTHING));
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(8);
    machine.load(CODE + 2 * 16, [0x48, 0xcf]);
    expect(machine.cpu.run(1)).toBe(STOP_BUDGET);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(0);
    expect(machine.get64(state.RIP)).toBe(BigInt(CODE));
  });
});

describe("root operation in machine code", () => {
  it("enters, exits to HOST_RIP and reads why", () => {
    write(machine, field.EXIT_CONTROLS, 0x3_6dfb | (1 << 9));
    machine.cpu.vmclear(VMCS);
    machine.cpu.vmxoff();
    machine.load(CODE, [0x0f, 0xa2]);
    machine.write(0x7000, BigInt(VMXON_REGION));
    machine.write(0x7008, BigInt(VMCS));
    const launcher = 0x4_8000;
    machine.load(
      launcher,
      [
        0xf3, 0x0f, 0xc7, 0x34, 0x25, 0x00, 0x70, 0, 0, 0x0f, 0xc7, 0x34, 0x25, 0x08, 0x70, 0, 0, 0x0f, 0x01,
        0xc2, 0xf4,
      ],
    );
    machine.load(HOST_CODE, [0xbb, 0x02, 0x44, 0, 0, 0x0f, 0x78, 0xd8, 0x0f, 0x01, 0xc4, 0xf4]);
    machine.cpu.reset();
    machine.set64(state.CR0, 0x8000_0031n);
    machine.set64(state.CR3, BigInt(GUEST_CR3_ROOT));
    machine.set64(state.CR4, 0x2020n);
    machine.set64(state.MSR_EFER, 0xd01n);
    machine.set64(state.RIP, BigInt(launcher));
    machine.set64(state.GPR + 32, BigInt(STACK));
    machine.set64(state.GDTR_BASE, BigInt(GUEST_GDT));
    machine.set64(state.IDTR_BASE, BigInt(GUEST_IDT));
    for (const [index, selector, rights] of [
      [state.CS, KERNEL_CS, 0xa09b],
      [state.SS, KERNEL_SS, 0xc093],
      [state.TR, TSS_SELECTOR, 0x8b],
    ] as const) {
      const at = state.SEGMENTS + index * state.SEGMENT_BYTES;
      machine.set64(at, index === state.TR ? BigInt(GUEST_TSS) : 0n);
      machine.set32(at + state.SEGMENT_LIMIT, 0xffff_ffff);
      machine.set32(at + state.SEGMENT_RIGHTS, rights);
      machine.set32(at + state.SEGMENT_SELECTOR, selector);
    }
    machine.cpu.stateReplaced();
    expect(machine.cpu.run(100)).toBe(STOP_HALTED);
    expect(machine.get64(state.RIP)).toBe(BigInt(HOST_CODE + 12));
    expect(machine.get64(state.GPR)).toBe(10n);
    expect(machine.get32(state.VMX_OPERATION)).toBe(0);
  });
});
