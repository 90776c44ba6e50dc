/**
 * VM entry: each rule broken alone is found, named, and answered as the manual says (SDM Vol. 3, chapter 27).
 */
import { beforeAll, describe, expect, it } from "vitest";
import * as check from "../../../src/spec/entry-checks.js";
import { ENTRY_CHECK_RULES } from "../../../src/spec/entry-check-rules.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import {
  ENTRY_CHECK,
  INTERRUPTIBILITY,
  VMX_NON_ROOT,
  VMX_OPERATION,
  VMX_ROOT,
  CPL,
  GPR,
  RIP,
  OPERAND,
} from "../../../src/spec/cpu-state.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import type { Machine } from "./harness.js";
import { CODE, EPT_ROOT, STACK, VMCS, VMXON_REGION, enterRoot, monitored, read, write } from "./vmx-setup.js";

let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 120_000);

type Change = readonly [number, bigint | number];
const BEYOND = 1n << 40n;
const UNCANONICAL = 1n << 47n;
const PRIMARY = 0x0400_6172 + 0x8000_0000 + (1 << 7);
const SECONDARY = (1 << 1) | (1 << 3) | (1 << 5) | (1 << 7);
const EXIT = 0x3_6dfb | (1 << 9) | (1 << 20) | (1 << 21);
const ENTRY = 0x11fb | (1 << 9) | (1 << 15);
const EPTP = EPT_ROOT | 6 | (3 << 3);
const VALID = 0x8000_0000;
const PROTECTED32: readonly Change[] = [
  [field.ENTRY_CONTROLS, 0x11fb],
  [field.GUEST_CS_ACCESS_RIGHTS, 0xc09b],
];
/** Not unrestricted. */
const RESTRICTED: readonly Change[] = [[field.SECONDARY_CONTROLS, SECONDARY & ~(1 << 7)]];
const V86: readonly Change[] = [...PROTECTED32, [field.GUEST_RFLAGS, 0x2_0002]];
const v86Segments: readonly Change[] = [0, 1, 2, 3, 4, 5].flatMap((i): Change[] => [
  [field.GUEST_ES_SELECTOR + 2 * i, 0],
  [field.GUEST_ES_BASE + 2 * i, 0],
  [field.GUEST_ES_LIMIT + 2 * i, 0xffff],
  [field.GUEST_ES_ACCESS_RIGHTS + 2 * i, 0xf3],
]);

const CONTROLS: readonly (readonly [number, ...Change[]])[] = [
  [check.PIN_RESERVED, [field.PIN_BASED_CONTROLS, 0]],
  [check.PIN_RESERVED, [field.PIN_BASED_CONTROLS, 0x16 | (1 << 7)]],
  [check.PRIMARY_RESERVED, [field.PRIMARY_CONTROLS, PRIMARY & ~(1 << 1)]],
  [check.PRIMARY_RESERVED, [field.PRIMARY_CONTROLS, PRIMARY + (1 << 17)]],
  [check.SECONDARY_RESERVED, [field.SECONDARY_CONTROLS, SECONDARY | (1 << 8)]],
  [check.CR3_TARGETS, [field.CR3_TARGET_COUNT, 5]],
  [check.IO_BITMAPS, [field.PRIMARY_CONTROLS, PRIMARY + (1 << 25)], [field.IO_BITMAP_A, 0x1001]],
  [check.IO_BITMAPS, [field.PRIMARY_CONTROLS, PRIMARY + (1 << 25)], [field.IO_BITMAP_B, BEYOND]],
  [check.MSR_BITMAP_ADDRESS, [field.PRIMARY_CONTROLS, PRIMARY + (1 << 28)], [field.MSR_BITMAP, 0x10]],
  [
    check.VIRTUAL_APIC_ADDRESS,
    [field.PRIMARY_CONTROLS, PRIMARY + (1 << 21)],
    [field.VIRTUAL_APIC_ADDRESS, 8],
  ],
  [
    check.TPR_THRESHOLD_RESERVED,
    [field.PRIMARY_CONTROLS, PRIMARY + (1 << 21)],
    [field.VIRTUAL_APIC_ADDRESS, 0x7000],
    [field.TPR_THRESHOLD, 0x10],
  ],
  [
    check.TPR_THRESHOLD_ABOVE,
    [field.PRIMARY_CONTROLS, PRIMARY + (1 << 21)],
    [field.VIRTUAL_APIC_ADDRESS, 0x7000],
    [field.TPR_THRESHOLD, 1],
  ],
  [check.VIRTUAL_NMIS, [field.PIN_BASED_CONTROLS, 0x16 | (1 << 5)]],
  [check.NMI_WINDOW, [field.PRIMARY_CONTROLS, PRIMARY + (1 << 22)]],
  [check.APIC_ACCESS_ADDRESS, [field.SECONDARY_CONTROLS, SECONDARY | 1], [field.APIC_ACCESS_ADDRESS, BEYOND]],
  [check.VPID_ZERO, [field.VPID, 0]],
  [check.EPTP_TYPE, [field.EPT_POINTER, EPT_ROOT | 5 | (3 << 3)]],
  [check.EPTP_LENGTH, [field.EPT_POINTER, EPT_ROOT | 6 | (2 << 3)]],
  [check.EPTP_RESERVED, [field.EPT_POINTER, EPTP | 0x80]],
  [check.EPTP_RESERVED, [field.EPT_POINTER, BigInt(EPTP) | BEYOND]],
  [check.UNRESTRICTED_WITHOUT_EPT, [field.SECONDARY_CONTROLS, SECONDARY & ~(1 << 1)]],
  [check.EXIT_RESERVED, [field.EXIT_CONTROLS, EXIT | (1 << 12)]],
  [check.EXIT_RESERVED, [field.EXIT_CONTROLS, EXIT & ~1]],
  [check.EXIT_SAVE_TIMER, [field.EXIT_CONTROLS, EXIT | (1 << 22)]],
  [check.EXIT_MSR_STORE, [field.EXIT_MSR_STORE_COUNT, 1], [field.EXIT_MSR_STORE_ADDRESS, 8]],
  [check.EXIT_MSR_LOAD, [field.EXIT_MSR_LOAD_COUNT, 2], [field.EXIT_MSR_LOAD_ADDRESS, (1n << 39n) - 16n]],
  [check.ENTRY_RESERVED, [field.ENTRY_CONTROLS, ENTRY | (1 << 17)]],
  [check.INJECTION_TYPE, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (1 << 8)]],
  [check.INJECTION_VECTOR, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (2 << 8) + 3]],
  [check.INJECTION_VECTOR, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (3 << 8) + 32]],
  [check.INJECTION_VECTOR, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (7 << 8) + 1]],
  [check.INJECTION_ERROR_CODE, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (3 << 8) + 13]],
  [check.INJECTION_ERROR_CODE, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (3 << 8) + (1 << 11) + 6]],
  [check.INJECTION_RESERVED, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + 0x20 + (1 << 13)]],
  [
    check.INJECTION_ERROR_CODE_RESERVED,
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (3 << 8) + (1 << 11) + 13],
    [field.ENTRY_EXCEPTION_ERROR_CODE, 0x1_0000],
  ],
  [
    check.INJECTION_LENGTH,
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (4 << 8) + 0x80],
    [field.ENTRY_INSTRUCTION_LENGTH, 0],
  ],
  [
    check.INJECTION_LENGTH,
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (6 << 8) + 3],
    [field.ENTRY_INSTRUCTION_LENGTH, 16],
  ],
  [check.ENTRY_MSR_LOAD, [field.ENTRY_MSR_LOAD_COUNT, 1], [field.ENTRY_MSR_LOAD_ADDRESS, 4]],
  [check.ENTRY_SMM, [field.ENTRY_CONTROLS, ENTRY | (1 << 10)]],
];

const HOST: readonly (readonly [number, ...Change[]])[] = [
  [check.HOST_CR0, [field.HOST_CR0, 0x8000_0011]],
  [check.HOST_CR0, [field.HOST_CR0, (1n << 32n) | 0x8000_0031n]],
  [check.HOST_CR4, [field.HOST_CR4, 0x20]],
  [check.HOST_CR4, [field.HOST_CR4, 0x2020 | (1 << 12)]],
  [check.HOST_CR3, [field.HOST_CR3, BEYOND]],
  [check.HOST_SYSENTER, [field.HOST_IA32_SYSENTER_ESP, UNCANONICAL]],
  [check.HOST_SYSENTER, [field.HOST_IA32_SYSENTER_EIP, UNCANONICAL]],
  [check.HOST_PAT, [field.EXIT_CONTROLS, EXIT | (1 << 19)], [field.HOST_IA32_PAT, 2]],
  [check.HOST_EFER, [field.HOST_IA32_EFER, 0xd03]],
  [check.HOST_EFER, [field.HOST_IA32_EFER, 0x801]],
  ...[0, 1, 2, 3, 4, 5, 6].map((i): readonly [number, Change] => [
    check.HOST_SELECTORS,
    [field.HOST_ES_SELECTOR + 2 * i, 0x13],
  ]),
  [check.HOST_CS_NULL, [field.HOST_CS_SELECTOR, 0]],
  [check.HOST_TR_NULL, [field.HOST_TR_SELECTOR, 0]],
  [
    check.HOST_SS_NULL,
    [field.HOST_SS_SELECTOR, 0],
    [field.EXIT_CONTROLS, EXIT & ~(1 << 9)],
    [field.HOST_IA32_EFER, 0x801],
  ],
  ...[0, 1, 2, 3, 4].map((i): readonly [number, Change] => [
    check.HOST_BASES,
    [field.HOST_FS_BASE + 2 * i, UNCANONICAL],
  ]),
  [check.HOST_SIZE, [field.EXIT_CONTROLS, EXIT & ~(1 << 9)], [field.HOST_IA32_EFER, 0x801]],
  [check.HOST_RIP_64, [field.HOST_CR4, 0x2000]],
  [check.HOST_RIP_64, [field.HOST_RIP, UNCANONICAL]],
];

const GUEST: readonly (readonly [number, ...Change[]])[] = [
  [check.GUEST_CR0_FIXED, [field.GUEST_CR0, 0x8000_0011]],
  [check.GUEST_CR0_FIXED, ...RESTRICTED, ...PROTECTED32, [field.GUEST_CR0, 0x31], [field.GUEST_IA32_EFER, 0]],
  [check.GUEST_CR0_PAGING, [field.GUEST_CR0, 0x8000_0030]],
  [check.GUEST_CR4_FIXED, [field.GUEST_CR4, 0x20]],
  [check.GUEST_CR4_FIXED, [field.GUEST_CR4, 0x2020 | (1 << 14)]],
  [check.GUEST_DEBUGCTL, [field.ENTRY_CONTROLS, ENTRY | 4], [field.GUEST_IA32_DEBUGCTL, 0x1000]],
  [check.GUEST_IA32E_PAGING, [field.GUEST_CR4, 0x2000]],
  [check.GUEST_IA32E_PAGING, [field.GUEST_CR0, 0x31]],
  [check.GUEST_CR3_RESERVED, [field.GUEST_CR3, BEYOND]],
  [check.GUEST_DR7_HIGH, [field.ENTRY_CONTROLS, ENTRY | 4], [field.GUEST_DR7, 1n << 32n]],
  [check.GUEST_SYSENTER, [field.GUEST_IA32_SYSENTER_ESP, UNCANONICAL]],
  [check.GUEST_SYSENTER, [field.GUEST_IA32_SYSENTER_EIP, UNCANONICAL]],
  [check.GUEST_PAT, [field.ENTRY_CONTROLS, ENTRY | (1 << 14)], [field.GUEST_IA32_PAT, 0x0600_0003]],
  [check.GUEST_EFER_RESERVED, [field.GUEST_IA32_EFER, 0xd03]],
  [check.GUEST_EFER_LMA, [field.GUEST_IA32_EFER, 0x901]],
  [check.GUEST_EFER_LMA, [field.GUEST_IA32_EFER, 0xc01]],
  [check.GUEST_TR_SELECTOR_TI, [field.GUEST_TR_SELECTOR, 0x2c]],
  [check.GUEST_LDTR_SELECTOR_TI, [field.GUEST_LDTR_SELECTOR, 4], [field.GUEST_LDTR_ACCESS_RIGHTS, 0x82]],
  [check.GUEST_SS_RPL, ...RESTRICTED, [field.GUEST_SS_SELECTOR, 0x13]],
  [check.GUEST_V86_BASE, ...V86, ...v86Segments, [field.GUEST_IA32_EFER, 0], [field.GUEST_DS_BASE, 0x10]],
  [
    check.GUEST_V86_LIMIT,
    ...V86,
    ...v86Segments,
    [field.GUEST_IA32_EFER, 0],
    [field.GUEST_DS_LIMIT, 0x1_ffff],
  ],
  [
    check.GUEST_V86_RIGHTS,
    ...V86,
    ...v86Segments,
    [field.GUEST_IA32_EFER, 0],
    [field.GUEST_GS_ACCESS_RIGHTS, 0x93],
  ],
  [check.GUEST_BASES_CANONICAL, [field.GUEST_TR_BASE, UNCANONICAL]],
  [check.GUEST_BASES_CANONICAL, [field.GUEST_GS_BASE, UNCANONICAL]],
  [check.GUEST_BASES_32, [field.GUEST_CS_BASE, 1n << 32n]],
  [check.GUEST_BASES_32, [field.GUEST_SS_BASE, 1n << 32n]],
  [check.GUEST_CS_TYPE, [field.GUEST_CS_ACCESS_RIGHTS, 0xa09a]],
  [check.GUEST_CS_TYPE, ...RESTRICTED, [field.GUEST_CS_ACCESS_RIGHTS, 0xc093]],
  [check.GUEST_SS_TYPE, [field.GUEST_SS_ACCESS_RIGHTS, 0xc091]],
  [check.GUEST_DATA_TYPE, [field.GUEST_DS_ACCESS_RIGHTS, 0xc092]],
  [check.GUEST_DATA_TYPE, [field.GUEST_ES_ACCESS_RIGHTS, 0xc099]],
  [check.GUEST_SEGMENT_S, [field.GUEST_CS_ACCESS_RIGHTS, 0xa08b]],
  [check.GUEST_CS_DPL, [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb]],
  [check.GUEST_CS_DPL, [field.GUEST_CS_ACCESS_RIGHTS, 0xa0bf]],
  [
    check.GUEST_SS_DPL,
    ...RESTRICTED,
    [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb],
    [field.GUEST_SS_ACCESS_RIGHTS, 0xc0f3],
  ],
  [check.GUEST_DATA_DPL, ...RESTRICTED, [field.GUEST_DS_SELECTOR, 0x13]],
  [check.GUEST_SEGMENT_P, [field.GUEST_FS_ACCESS_RIGHTS, 0xc013]],
  [check.GUEST_SEGMENT_RESERVED, [field.GUEST_CS_ACCESS_RIGHTS, 0xa19b]],
  [check.GUEST_CS_L_D, [field.GUEST_CS_ACCESS_RIGHTS, 0xe09b]],
  [check.GUEST_SEGMENT_G, [field.GUEST_DS_LIMIT, 0xffff_f000]],
  [check.GUEST_SEGMENT_G, [field.GUEST_CS_ACCESS_RIGHTS, 0x209b]],
  [check.GUEST_TR_TYPE, [field.GUEST_TR_ACCESS_RIGHTS, 0x89]],
  [check.GUEST_TR_TYPE, [field.GUEST_TR_ACCESS_RIGHTS, 0x83]],
  [check.GUEST_TR_RIGHTS, [field.GUEST_TR_ACCESS_RIGHTS, 0x0b]],
  [check.GUEST_TR_RIGHTS, [field.GUEST_TR_ACCESS_RIGHTS, 0x1_008b]],
  [check.GUEST_LDTR_RIGHTS, [field.GUEST_LDTR_ACCESS_RIGHTS, 0x81]],
  [check.GUEST_TABLE_BASES, [field.GUEST_GDTR_BASE, UNCANONICAL]],
  [check.GUEST_TABLE_LIMITS, [field.GUEST_IDTR_LIMIT, 0x1_0000]],
  [check.GUEST_RIP_HIGH, [field.GUEST_RIP, UNCANONICAL]],
  [check.GUEST_RIP_HIGH, [field.GUEST_RIP, 1n << 32n], [field.GUEST_CS_ACCESS_RIGHTS, 0xc09b]],
  [check.GUEST_RFLAGS_RESERVED, [field.GUEST_RFLAGS, 0]],
  [check.GUEST_RFLAGS_RESERVED, [field.GUEST_RFLAGS, 0x8002]],
  [check.GUEST_RFLAGS_VM, [field.GUEST_RFLAGS, 0x2_0002], ...v86Segments],
  [check.GUEST_RFLAGS_IF, [field.ENTRY_INTERRUPTION_INFORMATION, VALID + 0x20]],
  [check.GUEST_ACTIVITY, [field.GUEST_ACTIVITY_STATE, 2]],
  [
    check.GUEST_ACTIVITY_HLT,
    [field.GUEST_ACTIVITY_STATE, 1],
    [field.GUEST_SS_ACCESS_RIGHTS, 0xc0f3],
    [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb],
  ],
  [
    check.GUEST_ACTIVITY_BLOCKING,
    [field.GUEST_ACTIVITY_STATE, 1],
    [field.GUEST_INTERRUPTIBILITY_STATE, 1],
    [field.GUEST_RFLAGS, 0x202],
  ],
  [
    check.GUEST_ACTIVITY_INJECTION,
    [field.GUEST_ACTIVITY_STATE, 1],
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (3 << 8) + 6],
  ],
  [
    check.GUEST_ACTIVITY_INJECTION,
    [field.GUEST_ACTIVITY_STATE, 3],
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (2 << 8) + 2],
  ],
  [check.GUEST_BLOCKING_RESERVED, [field.GUEST_INTERRUPTIBILITY_STATE, 1 << 5]],
  [check.GUEST_BLOCKING_BOTH, [field.GUEST_INTERRUPTIBILITY_STATE, 3], [field.GUEST_RFLAGS, 0x202]],
  [check.GUEST_BLOCKING_IF, [field.GUEST_INTERRUPTIBILITY_STATE, 1]],
  [
    check.GUEST_BLOCKING_INJECTION,
    [field.GUEST_INTERRUPTIBILITY_STATE, 2],
    [field.GUEST_RFLAGS, 0x202],
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + 0x20],
  ],
  [
    check.GUEST_BLOCKING_NMI,
    [field.GUEST_INTERRUPTIBILITY_STATE, 2],
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (2 << 8) + 2],
  ],
  [
    check.GUEST_BLOCKING_VIRTUAL_NMI,
    [field.PIN_BASED_CONTROLS, 0x16 | (1 << 3) | (1 << 5)],
    [field.GUEST_INTERRUPTIBILITY_STATE, 8],
    [field.ENTRY_INTERRUPTION_INFORMATION, VALID + (2 << 8) + 2],
  ],
  [check.GUEST_BLOCKING_SMI, [field.GUEST_INTERRUPTIBILITY_STATE, 4]],
  [check.GUEST_PENDING_DEBUG, [field.GUEST_PENDING_DEBUG_EXCEPTIONS, 0x10]],
  [check.GUEST_PENDING_STEP, [field.GUEST_INTERRUPTIBILITY_STATE, 2], [field.GUEST_RFLAGS, 0x102]],
  [check.VMCS_LINK, [field.VMCS_LINK_POINTER, 0x7001]],
  [check.VMCS_LINK, [field.VMCS_LINK_POINTER, 0x7000]],
  [check.GUEST_PDPTES, ...PROTECTED32, [field.GUEST_PDPTE0 + 4, 0x1002 | 1]],
  [check.GUEST_PDPTES, ...PROTECTED32, [field.GUEST_PDPTE0 + 6, BEYOND | 1n]],
];

function attempt(changes: readonly Change[]): number {
  enterRoot(machine);
  for (const [encoding, value] of changes) write(machine, encoding, value);
  return machine.cpu.vmlaunch();
}

function name(rule: number): string {
  const text = ENTRY_CHECK_RULES[rule];
  return `${String(rule)} ${text?.field ?? ""}: ${text?.rule ?? ""}`;
}

describe("a VMCS without fault", () => {
  it("enters", () => {
    expect(attempt([])).toBe(0);
    expect(machine.get32(ENTRY_CHECK)).toBe(0);
    expect(machine.get32(VMX_OPERATION)).toBe(VMX_NON_ROOT);
    expect(machine.get64(RIP)).toBe(BigInt(CODE));
    expect(machine.get64(GPR + 32)).toBe(BigInt(STACK - 0x1000));
    expect(machine.get32(CPL)).toBe(0);
  });
});

describe("basic checks", () => {
  it("VMLAUNCH needs a clear VMCS, VMRESUME a launched one", () => {
    enterRoot(machine);
    expect(machine.cpu.vmresume()).toBe(2);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(5n);
    machine.set32(RAM_BASE + VMCS + 8, 1);
    expect(machine.cpu.vmlaunch()).toBe(2);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(4n);
  });

  it("needs a current VMCS and no blocking by MOV SS", () => {
    enterRoot(machine);
    machine.set32(INTERRUPTIBILITY, 2);
    expect(machine.cpu.vmlaunch()).toBe(2);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(26n);
    machine.cpu.vmclear(VMCS);
    expect(machine.cpu.vmlaunch()).toBe(1);
    expect(machine.cpu.vmclear(VMXON_REGION)).toBe(1);
  });
});

describe.each([
  ["controls", CONTROLS, 7n],
  ["host state", HOST, 8n],
] as const)("%s", (_, rows, error) => {
  it.each(rows.map((row, i) => [i, name(row[0]), row] as const))("%i %s", (_i, _name, [rule, ...changes]) => {
    expect(attempt(changes as Change[])).toBe(2);
    expect(name(machine.get32(ENTRY_CHECK))).toBe(name(rule));
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(error);
    expect(machine.get32(VMX_OPERATION)).toBe(VMX_ROOT);
  });
});

describe("guest state", () => {
  it.each(GUEST.map((row, i) => [i, name(row[0]), row] as const))(
    "%i %s",
    (_i, _name, [rule, ...changes]) => {
      expect(attempt(changes)).toBe(3);
      expect(name(machine.get32(ENTRY_CHECK))).toBe(name(rule));
      expect(read(machine, field.EXIT_REASON)).toBe(0x8000_0021n);
      expect(read(machine, field.EXIT_QUALIFICATION)).toBe(
        rule === check.VMCS_LINK ? 4n : rule === check.GUEST_PDPTES ? 2n : 0n,
      );
      expect(machine.get32(VMX_OPERATION)).toBe(VMX_ROOT);
      expect(machine.get32(RAM_BASE + VMCS + 8)).toBe(0);
    },
  );

  it("an MSR list that cannot be loaded is reported by entry number", () => {
    enterRoot(machine);
    write(machine, field.ENTRY_MSR_LOAD_COUNT, 2);
    write(machine, field.ENTRY_MSR_LOAD_ADDRESS, 0x7000);
    machine.write(0x7000, 0xc000_0081n);
    machine.write(0x7008, 0x1234n);
    machine.write(0x7010, 0xc000_0100n);
    machine.write(0x7018, 0n);
    expect(machine.cpu.vmlaunch()).toBe(3);
    expect(read(machine, field.EXIT_REASON)).toBe(0x8000_0022n);
    expect(read(machine, field.EXIT_QUALIFICATION)).toBe(2n);
  });
});

describe("VMREAD and VMWRITE", () => {
  it("tell unsupported and read-only fields apart", () => {
    enterRoot(machine);
    machine.set64(OPERAND, 1n);
    expect(machine.cpu.vmwrite(field.EXIT_REASON)).toBe(2);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(13n);
    expect(machine.cpu.vmwrite(field.PML_ADDRESS)).toBe(2);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(12n);
    expect(machine.cpu.vmread(0x6801)).toBe(2);
  });

  it("truncate by width and reach high halves", () => {
    enterRoot(machine);
    write(machine, field.GUEST_ES_SELECTOR, 0x12345n);
    expect(read(machine, field.GUEST_ES_SELECTOR)).toBe(0x2345n);
    write(machine, field.TSC_OFFSET + 1, 0xabcd_1234n);
    write(machine, field.TSC_OFFSET, (read(machine, field.TSC_OFFSET) & ~0xffff_ffffn) | 7n);
    expect(read(machine, field.TSC_OFFSET)).toBe(0xabcd_1234_0000_0007n);
    expect(read(machine, field.TSC_OFFSET + 1)).toBe(0xabcd_1234n);
  });

  it("every rule has its text", () => {
    for (const rule of Object.values(check)) if (rule !== 0) expect(ENTRY_CHECK_RULES[rule]).toBeDefined();
  });
});
