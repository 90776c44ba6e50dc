/**
 * A monitor outside simulated memory with a VMCS that passes every check: a 64-bit guest at GUEST_RIP with EPT identity
 * tables of the first 16 MiB and its own page tables over the same.
 */
import { MONITOR, MSR_MISC_ENABLE, OPERAND } from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { VMCS_REVISION_ID } from "../../../src/spec/vmcs-layout.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { Machine } from "./harness.js";

export const VMXON_REGION = 0x8000;
export const VMCS = 0x9000;
export const EPT_ROOT = 0x1_0000;
export const GUEST_CR3_ROOT = 0x2_0000;
export const GUEST_GDT = 0x3_0000;
export const GUEST_IDT = 0x3_1000;
export const GUEST_TSS = 0x3_2000;
export const CODE = 0x4_0000;
export const STACK = 0x5_0000;
export const HOST_CODE = 0x6_0000;

export const KERNEL_CS = 0x08;
export const KERNEL_SS = 0x10;
export const USER_CS = 0x1b;
export const USER_SS = 0x23;
export const TSS_SELECTOR = 0x28;

export function write(machine: Machine, encoding: number, value: bigint | number): void {
  machine.set64(OPERAND, BigInt(value));
  const outcome = machine.cpu.vmwrite(encoding);
  if (outcome !== 0) throw new Error(`vmwrite ${encoding.toString(16)}: ${String(outcome)}`);
}

export function read(machine: Machine, encoding: number): bigint {
  const outcome = machine.cpu.vmread(encoding);
  if (outcome !== 0) throw new Error(`vmread ${encoding.toString(16)}: ${String(outcome)}`);
  return machine.get64(OPERAND);
}

/** Flat 64-bit segments of ring 0 and 3, a TSS with RSP0 at STACK, an IDT whose vector n goes to CODE + 16 n. */
export function writeTables(machine: Machine): void {
  [
    0n,
    0x00af_9b00_0000_ffffn,
    0x00cf_9300_0000_ffffn,
    0x00af_fb00_0000_ffffn,
    0x00cf_f300_0000_ffffn,
    0x0000_8b00_0000_0067n | (BigInt(GUEST_TSS) << 16n),
    0n,
  ].forEach((entry, i) => {
    machine.write(GUEST_GDT + 8 * i, entry);
  });
  for (let i = 0; i < 13; i++) machine.write(GUEST_TSS + 8 * i, 0n);
  machine.set64(RAM_BASE + GUEST_TSS + 4, BigInt(STACK));
  machine.set64(RAM_BASE + GUEST_TSS + 36, BigInt(STACK - 0x800));
  for (let vector = 0; vector < 256; vector++) {
    const handler = BigInt(CODE + 16 * vector);
    machine.write(
      GUEST_IDT + 16 * vector,
      (handler & 0xffffn) | (BigInt(KERNEL_CS) << 16n) | (0x8e00n << 32n) | ((handler >> 16n) << 48n),
    );
    machine.write(GUEST_IDT + 16 * vector + 8, 0n);
  }
  machine.write(GUEST_CR3_ROOT, BigInt(GUEST_CR3_ROOT + 0x1000) | 7n);
  machine.write(GUEST_CR3_ROOT + 0x1000, BigInt(GUEST_CR3_ROOT + 0x2000) | 7n);
  for (let i = 0; i < 8; i++) machine.write(GUEST_CR3_ROOT + 0x2000 + 8 * i, BigInt(i * 0x20_0000) | 0xe7n);
}

export function writeEpt(machine: Machine): void {
  machine.write(EPT_ROOT, BigInt(EPT_ROOT + 0x1000) | 7n);
  machine.write(EPT_ROOT + 0x1000, BigInt(EPT_ROOT + 0x2000) | 7n);
  machine.write(EPT_ROOT + 0x2000, BigInt(EPT_ROOT + 0x3000) | 7n);
  for (let i = 0; i < 512; i++) machine.write(EPT_ROOT + 0x3000 + 8 * i, BigInt(i * 0x1000) | 0x37n);
  for (let i = 1; i < 8; i++) machine.write(EPT_ROOT + 0x2000 + 8 * i, BigInt(i * 0x20_0000) | 0xb7n);
}

const GUEST: readonly (readonly [number, number])[] = [
  [field.GUEST_CR0, 0x8000_0031],
  [field.GUEST_CR3, GUEST_CR3_ROOT],
  [field.GUEST_CR4, 0x2020],
  [field.GUEST_DR7, 0x400],
  [field.GUEST_IA32_EFER, 0xd01],
  [field.GUEST_RFLAGS, 2],
  [field.GUEST_RIP, CODE],
  [field.GUEST_RSP, STACK - 0x1000],
  [field.GUEST_GDTR_BASE, GUEST_GDT],
  [field.GUEST_GDTR_LIMIT, 0x37],
  [field.GUEST_IDTR_BASE, GUEST_IDT],
  [field.GUEST_IDTR_LIMIT, 0xfff],
  [field.GUEST_CS_SELECTOR, KERNEL_CS],
  [field.GUEST_CS_LIMIT, 0xffff_ffff],
  [field.GUEST_CS_ACCESS_RIGHTS, 0xa09b],
  [field.GUEST_TR_SELECTOR, TSS_SELECTOR],
  [field.GUEST_TR_BASE, GUEST_TSS],
  [field.GUEST_TR_LIMIT, 0x67],
  [field.GUEST_TR_ACCESS_RIGHTS, 0x8b],
  [field.GUEST_LDTR_ACCESS_RIGHTS, 0x1_0000],
  [field.GUEST_IA32_PAT, 0x0606_0606],
];

const CONTROL: readonly (readonly [number, number])[] = [
  [field.PIN_BASED_CONTROLS, 0x16 | 1],
  [field.PRIMARY_CONTROLS, 0x0400_6172 + 0x8000_0000 + (1 << 7)],
  [field.SECONDARY_CONTROLS, (1 << 1) | (1 << 3) | (1 << 5) | (1 << 7)],
  [field.EXIT_CONTROLS, 0x3_6dfb | (1 << 9) | (1 << 20) | (1 << 21)],
  [field.ENTRY_CONTROLS, 0x11fb | (1 << 9) | (1 << 15)],
  [field.EPT_POINTER, EPT_ROOT | 6 | (3 << 3)],
  [field.VPID, 1],
];

const HOST: readonly (readonly [number, number])[] = [
  [field.HOST_CR0, 0x8000_0031],
  [field.HOST_CR3, GUEST_CR3_ROOT],
  [field.HOST_CR4, 0x2020],
  [field.HOST_IA32_EFER, 0xd01],
  [field.HOST_CS_SELECTOR, 8],
  [field.HOST_SS_SELECTOR, 16],
  [field.HOST_DS_SELECTOR, 16],
  [field.HOST_ES_SELECTOR, 16],
  [field.HOST_FS_SELECTOR, 0],
  [field.HOST_GS_SELECTOR, 0],
  [field.HOST_TR_SELECTOR, TSS_SELECTOR],
  [field.HOST_RIP, HOST_CODE],
  [field.HOST_RSP, STACK],
  [field.HOST_GDTR_BASE, GUEST_GDT],
  [field.HOST_IDTR_BASE, GUEST_IDT],
  [field.HOST_TR_BASE, GUEST_TSS],
];

/** After VMXON, with a current VMCS that is valid throughout. */
export async function monitored(): Promise<Machine> {
  const machine = await Machine.create();
  enterRoot(machine);
  return machine;
}

export function enterRoot(machine: Machine): void {
  machine.cpu.resetState();
  machine.set32(MONITOR, 1);
  // ENABLE MONITOR FSM: without it MONITOR and MWAIT raise #UD and have nothing to exit for.
  machine.set64(MSR_MISC_ENABLE, 1n | (1n << 18n));
  for (let i = 0; i < 512; i++) {
    machine.write(VMCS + 8 * i, 0n);
    machine.write(VMXON_REGION + 8 * i, 0n);
  }
  writeTables(machine);
  writeEpt(machine);
  machine.set32(RAM_BASE + VMXON_REGION, VMCS_REVISION_ID);
  machine.set32(RAM_BASE + VMCS, VMCS_REVISION_ID);
  const outcomes = [machine.cpu.vmxon(VMXON_REGION), machine.cpu.vmclear(VMCS), machine.cpu.vmptrld(VMCS)];
  if (outcomes.some((outcome) => outcome !== 0)) throw new Error(`no root operation: ${outcomes.join(" ")}`);
  for (const [encoding, value] of [...CONTROL, ...GUEST, ...HOST]) write(machine, encoding, value);
  write(machine, field.VMCS_LINK_POINTER, (1n << 64n) - 1n);
  for (let i = 0; i < 4; i++) {
    const index = [0, 2, 3, 4][i] ?? 0;
    write(machine, field.GUEST_ES_SELECTOR + 2 * index, KERNEL_SS);
    write(machine, field.GUEST_ES_LIMIT + 2 * index, 0xffff_ffff);
    write(machine, field.GUEST_ES_ACCESS_RIGHTS + 2 * index, 0xc093);
  }
  write(machine, field.GUEST_GS_ACCESS_RIGHTS, 0x1_0000);
}
