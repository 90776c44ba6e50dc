import type { GuestRegisters } from "../hypervisor/guest-cpu.js";
import type { Machine } from "../machine/machine.js";
import * as S from "../spec/cpu-state.js";
import * as F from "../spec/vmcs-fields.js";
import { VMCS_FIELDS, VMCS_GROUP_BYTES, VMCS_GROUP_FIELDS } from "../spec/vmcs-layout.js";
import type { MachineView, RegisterView, VmcsFieldView } from "./view.js";

/**
 * The state of a machine as a debug probe reads it: from the processor's state window and from the VMCS in memory,
 * without executing an instruction, so that looking changes nothing.
 * @module
 */
const GPR_NAMES = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split(" ");
const SEGMENT_NAMES = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"];
const NO_VMCS = 0xffff_ffff_ffff_ffffn;

const GROUPS = ["control", "read-only", "guest", "host"] as const;
const WIDTHS = [16, 64, 32, 64] as const;
const FIELDS = Object.entries(F)
  .map(([name, encoding]) => ({ name, encoding: encoding as number }))
  .filter(({ encoding }) => ((encoding >> 1) & 0x1ff) < VMCS_GROUP_FIELDS);

/** A field of the current VMCS, read where it lies in memory (spec/vmcs-layout). */
export function peekVmcs(machine: Machine, field: number): bigint {
  const vmcs = Number(machine.processor.read64(S.CURRENT_VMCS));
  const group = ((field >> 13) & 3) * 4 + ((field >> 10) & 3);
  return machine.memory.read64(vmcs + VMCS_FIELDS + group * VMCS_GROUP_BYTES + ((field >> 1) & 0x1ff) * 8);
}

export function hasVmcs(machine: Machine): boolean {
  return machine.processor.read64(S.CURRENT_VMCS) !== NO_VMCS;
}

/** All fields of the current VMCS, or null when there is none. */
export function vmcsView(machine: Machine): VmcsFieldView[] | null {
  if (!hasVmcs(machine)) return null;
  return FIELDS.map(({ name, encoding }) => ({
    encoding,
    name,
    group: GROUPS[(encoding >> 10) & 3],
    value: peekVmcs(machine, encoding),
    width: WIDTHS[(encoding >> 13) & 3],
  }));
}

const segmentName = (index: number): string => SEGMENT_NAMES[index]!;

/** Registers and segments that a hypervisor keeps outside the machine. */
export function keptViews(guest: GuestRegisters): Pick<MachineView, "registers" | "segments"> {
  const view = (name: string, value: bigint): RegisterView => ({ name, value, width: 64 });
  const { general, rip, rflags, cr0, cr2, cr3, cr4, cr8, efer } = guest;
  const special = { RIP: rip, RFLAGS: rflags, CR0: cr0, CR2: cr2, CR3: cr3, CR4: cr4, CR8: cr8, EFER: efer };
  return {
    registers: [
      ...GPR_NAMES.map((name, i) => view(name, general[i]!)),
      ...Object.entries(special).map(([name, value]) => view(name, value)),
    ],
    segments: guest.segments.map((segment, i) => ({ name: segmentName(i), ...segment })),
  };
}

/** @param inVmcs - the guest has left: what VM exits save is in the VMCS, and the processor holds the hypervisor's */
export function registerViews(machine: Machine, inVmcs: boolean): RegisterView[] {
  const { processor } = machine;
  const saved = (field: number, address: number): bigint =>
    inVmcs ? peekVmcs(machine, field) : processor.read64(address);
  const view = (name: string, value: bigint): RegisterView => ({ name, value, width: 64 });
  return [
    ...GPR_NAMES.map((name, i) =>
      view(name, name === "RSP" ? saved(F.GUEST_RSP, S.GPR + 8 * i) : processor.read64(S.GPR + 8 * i)),
    ),
    view("RIP", saved(F.GUEST_RIP, S.RIP)),
    view("RFLAGS", saved(F.GUEST_RFLAGS, S.RFLAGS)),
    view("CR0", saved(F.GUEST_CR0, S.CR0)),
    view("CR2", processor.read64(S.CR2)),
    view("CR3", saved(F.GUEST_CR3, S.CR3)),
    view("CR4", saved(F.GUEST_CR4, S.CR4)),
    view("CR8", processor.read64(S.CR8)),
    view("EFER", saved(F.GUEST_IA32_EFER, S.MSR_EFER)),
  ];
}

export function segmentViews(machine: Machine, inVmcs: boolean): MachineView["segments"] {
  const { processor } = machine;
  return SEGMENT_NAMES.map((name, i) => {
    const at = S.SEGMENTS + i * S.SEGMENT_BYTES;
    if (!inVmcs) {
      return {
        name,
        selector: processor.view.getUint16(at + S.SEGMENT_SELECTOR, true),
        base: processor.read64(at + S.SEGMENT_BASE),
        limit: processor.read32(at + S.SEGMENT_LIMIT),
        rights: processor.read32(at + S.SEGMENT_RIGHTS),
      };
    }
    const field = (first: number): bigint => peekVmcs(machine, first + 2 * i);
    return {
      name,
      selector: Number(field(F.GUEST_ES_SELECTOR)),
      base: field(F.GUEST_ES_BASE),
      limit: Number(field(F.GUEST_ES_LIMIT)),
      rights: Number(field(F.GUEST_ES_ACCESS_RIGHTS)),
    };
  });
}
