/**
 * What VMCS fields say, in words. Names and bits come from spec/; the sentences here follow the sections of the Intel
 * SDM, Vol. 3, that are named with them. Pure; no DOM.
 */
import * as CONTROLS from "../../lib/spec/vmx-controls.js";
import type { VmcsFieldView } from "../../lib/experiments/view.js";
import { exitLabel, shortHex, vectorName } from "./format.js";

export interface FieldGroup {
  title: string;
  /** Section of the SDM, Vol. 3. */
  section: string;
  /** One sentence. */
  summary: string;
  fields: VmcsFieldView[];
}

interface GroupRule {
  title: string;
  section: string;
  summary: string;
  holds: (field: VmcsFieldView) => boolean;
}

const ENTRY = /^ENTRY_/;
const EXIT = /^EXIT_(CONTROLS|MSR_)/;

const GROUPS: readonly GroupRule[] = [
  {
    title: "Exit information",
    section: "25.9",
    summary: "Written by the processor at every VM exit: why, and what a handler needs to know about it.",
    holds: (field) => field.group === "read-only",
  },
  {
    title: "Guest state",
    section: "25.4",
    summary: "Saved from the processor at every VM exit, loaded into it at every VM entry.",
    holds: (field) => field.group === "guest",
  },
  {
    title: "Execution controls",
    section: "25.6",
    summary: "What makes the guest exit, and what the processor does for the hypervisor meanwhile.",
    holds: (field) => field.group === "control" && !ENTRY.test(field.name) && !EXIT.test(field.name),
  },
  {
    title: "Entry and exit controls",
    section: "25.7, 25.8",
    summary: "How the processor changes over: which MSRs it swaps, and which event it injects.",
    holds: (field) => field.group === "control" && (ENTRY.test(field.name) || EXIT.test(field.name)),
  },
  {
    title: "Host state",
    section: "25.5",
    summary: "Loaded into the processor at every VM exit: where the hypervisor continues.",
    holds: (field) => field.group === "host",
  },
];

/** What one looks at first comes first in its group. */
const FIRST = [
  "EXIT_REASON",
  "EXIT_QUALIFICATION",
  "EXIT_INSTRUCTION_LENGTH",
  "EXIT_INTERRUPTION_INFORMATION",
  "IDT_VECTORING_INFORMATION",
  "GUEST_RIP",
  "GUEST_RSP",
  "GUEST_RFLAGS",
  "GUEST_CR0",
  "GUEST_CR3",
  "GUEST_CR4",
  "PIN_BASED_CONTROLS",
  "PRIMARY_CONTROLS",
  "SECONDARY_CONTROLS",
  "EXCEPTION_BITMAP",
  "ENTRY_INTERRUPTION_INFORMATION",
  "ENTRY_CONTROLS",
  "EXIT_CONTROLS",
  "HOST_RIP",
  "HOST_RSP",
];

function rank({ name }: VmcsFieldView): number {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
}

/** Fields in the manual's groups; a group without fields is left out. */
export function fieldGroups(fields: readonly VmcsFieldView[]): FieldGroup[] {
  return GROUPS.map(({ holds, ...group }) => ({
    ...group,
    fields: fields.filter(holds).sort((a, b) => rank(a) - rank(b)),
  })).filter((group) => group.fields.length > 0);
}

const SEGMENT_NAMES: Record<string, string> = { LDTR: "LDTR", TR: "TR", GDTR: "GDTR", IDTR: "IDTR" };

const SENTENCES: Record<string, string> = {
  POSTED_INTERRUPT_VECTOR: "Vector by which another processor announces posted interrupts.",
  POSTED_INTERRUPT_DESCRIPTOR_ADDRESS: "Where posted interrupts wait to be delivered without an exit.",
  EPTP_INDEX: "Which entry of the EPTP list is in use.",
  EPTP_LIST_ADDRESS: "List of EPT pointers that a guest may choose from with VMFUNC.",
  VM_FUNCTION_CONTROLS: "Which VM functions a guest may call with VMFUNC.",
  PML_ADDRESS: "Page into which the processor logs pages that the guest made dirty.",
  GUEST_PML_INDEX: "Next entry of the page-modification log.",
  PML_INDEX: "Next entry of the page-modification log.",
  GUEST_INTERRUPT_STATUS: "Requested and in-service virtual interrupts, for virtual-interrupt delivery.",
  EXECUTIVE_VMCS_POINTER: "Used by the dual-monitor treatment of system-management mode only.",
  VIRTUAL_APIC_ADDRESS: "Page that stands for the registers of the guest’s local APIC.",
  APIC_ACCESS_ADDRESS: "Guest-physical page whose accesses are treated as accesses to the local APIC.",
  VMREAD_BITMAP: "Which VMREADs of a nested hypervisor go to a shadow VMCS without an exit.",
  VMWRITE_BITMAP: "Which VMWRITEs of a nested hypervisor go to a shadow VMCS without an exit.",
  XSS_EXITING_BITMAP: "Which bits of IA32_XSS make XSAVES and XRSTORS exit.",
  PLE_GAP: "Longest time between two PAUSEs of the same loop.",
  PLE_WINDOW: "How long a guest may spin in a loop of PAUSEs before it exits.",
  VPID: "Tag of this vCPU's entries in the TLB, so that they can stay there across exits.",
  EXTERNAL_INTERRUPT_VECTOR: "Vector of the interrupt that caused the exit.",
  IO_BITMAP_A: "Page with one bit for each port 0x0000–0x7fff: set means exit.",
  IO_BITMAP_B: "Page with one bit for each port 0x8000–0xffff: set means exit.",
  MSR_BITMAP: "Page with a read bit and a write bit for each MSR: set means exit.",
  EXIT_MSR_STORE_ADDRESS: "List of MSRs to save at an exit.",
  EXIT_MSR_LOAD_ADDRESS: "List of host MSRs to load at an exit.",
  ENTRY_MSR_LOAD_ADDRESS: "List of guest MSRs to load at an entry.",
  TSC_OFFSET: "Added to the time-stamp counter that the guest reads.",
  TSC_MULTIPLIER: "Scales the time-stamp counter that the guest reads.",
  EPT_POINTER: "Root of the extended page tables: guest-physical to machine-physical addresses.",
  GUEST_PHYSICAL_ADDRESS: "Guest-physical address of the access that violated the EPT.",
  VMCS_LINK_POINTER: "All ones unless VMCS shadowing is used.",
  PIN_BASED_CONTROLS: "Which asynchronous events cause an exit.",
  PRIMARY_CONTROLS: "Which instructions cause an exit.",
  SECONDARY_CONTROLS: "Later additions: EPT, VPID, unrestricted guest and others.",
  EXCEPTION_BITMAP: "One bit for each exception vector: set means exit.",
  PAGE_FAULT_ERROR_CODE_MASK: "Page faults are told apart by (error code & mask) = match.",
  PAGE_FAULT_ERROR_CODE_MATCH: "Page faults are told apart by (error code & mask) = match.",
  CR3_TARGET_COUNT: "How many CR3 target values may be loaded without an exit.",
  EXIT_CONTROLS: "What the processor saves and loads on the way out.",
  ENTRY_CONTROLS: "What the processor loads on the way in.",
  EXIT_MSR_STORE_COUNT: "Length of the list of MSRs to save at an exit.",
  EXIT_MSR_LOAD_COUNT: "Length of the list of MSRs to load at an exit.",
  ENTRY_MSR_LOAD_COUNT: "Length of the list of MSRs to load at an entry.",
  ENTRY_INTERRUPTION_INFORMATION: "The event that the next VM entry delivers to the guest: event injection.",
  ENTRY_EXCEPTION_ERROR_CODE: "Error code of the injected exception.",
  ENTRY_INSTRUCTION_LENGTH: "Length of the instruction, for an injected software interrupt.",
  TPR_THRESHOLD: "Exit when the guest's task priority falls below this.",
  VM_INSTRUCTION_ERROR: "Why the last VMX instruction failed (SDM Vol. 3, 31.4).",
  EXIT_REASON: "Bits 15:0 are the basic reason; bit 31 marks a failed VM entry.",
  EXIT_INTERRUPTION_INFORMATION: "The exception or interrupt that caused the exit.",
  EXIT_INTERRUPTION_ERROR_CODE: "Error code of the exception that caused the exit.",
  IDT_VECTORING_INFORMATION:
    "The event that was being delivered when the exit came; it must be injected again.",
  IDT_VECTORING_ERROR_CODE: "Error code of the event that was being delivered.",
  EXIT_INSTRUCTION_LENGTH: "Bytes of the instruction that exited: how far to advance RIP.",
  EXIT_INSTRUCTION_INFORMATION: "Operands of some instructions that exited.",
  EXIT_QUALIFICATION:
    "Details by reason: the port and size of an I/O instruction, the control register accessed.",
  IO_RCX: "RCX before an I/O instruction that caused an SMM exit.",
  IO_RSI: "RSI before an I/O instruction that caused an SMM exit.",
  IO_RDI: "RDI before an I/O instruction that caused an SMM exit.",
  IO_RIP: "RIP before an I/O instruction that caused an SMM exit.",
  GUEST_LINEAR_ADDRESS: "Linear address of the access, for some exits.",
  CR0_GUEST_HOST_MASK: "Bits of CR0 that the hypervisor owns: the guest reads them from the shadow.",
  CR4_GUEST_HOST_MASK: "Bits of CR4 that the hypervisor owns: the guest reads them from the shadow.",
  CR0_READ_SHADOW: "What the guest reads for the bits of CR0 that the hypervisor owns.",
  CR4_READ_SHADOW: "What the guest reads for the bits of CR4 that the hypervisor owns.",
  GUEST_INTERRUPTIBILITY_STATE:
    "Whether interrupts are blocked for one instruction (STI, MOV SS) or NMIs until IRET.",
  GUEST_ACTIVITY_STATE: "0 active, 1 halted, 2 shutdown, 3 waiting for a start-up IPI.",
  GUEST_PENDING_DEBUG_EXCEPTIONS: "Debug exceptions that wait to be delivered.",
  GUEST_SMBASE: "Base of system-management RAM.",
  PREEMPTION_TIMER_VALUE: "Counts down while the guest runs; zero causes an exit.",
  GUEST_RIP: "Next instruction of the guest. A handler that completes an instruction moves it on.",
  GUEST_RSP: "The guest's stack pointer.",
  GUEST_RFLAGS: "The guest's flags.",
  HOST_RIP: "Where a VM exit continues: the hypervisor's exit handler.",
  HOST_RSP: "The hypervisor's stack pointer after an exit.",
  GUEST_DR7: "The guest's debug control register.",
};

/** One sentence about a field; every field has one. */
export function explain(name: string): string {
  const own = SENTENCES[name];
  if (own) return own;
  if (name.startsWith("CR3_TARGET_VALUE_")) return "A value that may be loaded into CR3 without an exit.";
  if (name.startsWith("EOI_EXIT_BITMAP_")) return "Virtual interrupts whose end of interrupt causes an exit.";
  const match = /^(GUEST|HOST)_(.+)$/.exec(name);
  if (!match) return "See the manual's Appendix B.";
  const whose = match[1] === "GUEST" ? "The guest's" : "The hypervisor's";
  const rest = match[2];
  const segment = /^([A-Z]+)_(SELECTOR|BASE|LIMIT|ACCESS_RIGHTS)$/.exec(rest);
  if (segment) {
    const part = segment[2].toLowerCase().replace("_", " ");
    return `${whose} ${SEGMENT_NAMES[segment[1]] ?? segment[1]}: ${part}.`;
  }
  return `${whose} ${rest.replace(/^IA32_/, "IA32_").replace("PDPTE", "page-directory-pointer entry ")}.`;
}

const PREFIX: Record<string, string> = {
  PIN_BASED_CONTROLS: "PIN_",
  PRIMARY_CONTROLS: "PRIMARY_",
  SECONDARY_CONTROLS: "SECONDARY_",
  EXIT_CONTROLS: "EXIT_",
  ENTRY_CONTROLS: "ENTRY_",
};

/** Kept whole when a constant's name is turned into words. */
const ACRONYMS =
  /\b(hlt|invlpg|mwait|rdpmc|rdtscp?|cr3|cr8|tpr|nmis?|io|msr|ept|vpid|apic|x2apic|wbinvd|invpcid|efer|pat|dr|tsc|smm|ia32e)\b/g;

export interface ControlBit {
  bit: number;
  name: string;
  set: boolean;
}

/** The named bits of a control field, or an empty list for any other field. */
export function controlBits(name: string, value: bigint): ControlBit[] {
  const prefix = PREFIX[name];
  if (!prefix) return [];
  return Object.entries(CONTROLS)
    .filter(([key]) => key.startsWith(prefix) && key !== "EXIT_REASON_ENTRY_FAILURE")
    .map(([key, mask]) => {
      const bit = 31 - Math.clz32(mask as number);
      const words = key
        .slice(prefix.length)
        .toLowerCase()
        .replaceAll("_", " ")
        .replace(ACRONYMS, (word) => word.toUpperCase().replace("IA32E", "IA-32e").replace("NMIS", "NMIs"))
        .replace(/^IO /, "I/O ")
        .replace(" IO ", " I/O ");
      return { bit, name: words, set: ((value >> BigInt(bit)) & 1n) === 1n };
    })
    .sort((a, b) => a.bit - b.bit);
}

const INTERRUPTION_TYPES = [
  "external interrupt",
  "reserved",
  "NMI",
  "hardware exception",
  "software interrupt",
  "privileged software exception",
  "software exception",
  "other event",
];

/** A field's value in words where the number alone says little; null otherwise. */
export function decoded(field: VmcsFieldView): string | null {
  const value = Number(field.value & 0xffff_ffffn);
  switch (field.name) {
    case "EXIT_REASON": {
      const failed = (value & CONTROLS.EXIT_REASON_ENTRY_FAILURE) !== 0 ? ", VM entry failed" : "";
      return `${value & 0xffff}: ${exitLabel(value)}${failed}`;
    }
    case "ENTRY_INTERRUPTION_INFORMATION":
    case "EXIT_INTERRUPTION_INFORMATION":
    case "IDT_VECTORING_INFORMATION":
      if ((value & CONTROLS.INTERRUPTION_VALID) === 0) return "not valid: no event";
      return `${INTERRUPTION_TYPES[(value >>> 8) & 7]}, vector ${value & 0xff}${
        ((value >>> 8) & 7) === 3 ? ` (${vectorName(value & 0xff)})` : ""
      }`;
    case "GUEST_ACTIVITY_STATE":
      return ["active", "halted", "shutdown", "waiting for a start-up IPI"][value] ?? "reserved";
    case "GUEST_INTERRUPTIBILITY_STATE": {
      const blocking = [
        [CONTROLS.BLOCKING_BY_STI, "blocked by STI"],
        [CONTROLS.BLOCKING_BY_MOV_SS, "blocked by MOV SS"],
        [CONTROLS.BLOCKING_BY_NMI, "NMIs blocked"],
      ] as const;
      const set = blocking.filter(([bit]) => (value & bit) !== 0).map(([, words]) => words);
      return set.length > 0 ? set.join(", ") : "nothing blocked";
    }
    case "EXCEPTION_BITMAP": {
      const vectors = [...Array(32).keys()].filter((bit) => (value >>> bit) & 1);
      return vectors.length > 0 ? vectors.map(vectorName).join(", ") : "no exception exits";
    }
    case "VMCS_LINK_POINTER":
      return field.value === 0xffff_ffff_ffff_ffffn ? "not used" : null;
    case "EPT_POINTER":
      return `tables at ${shortHex(field.value & ~0xfffn)}, ${Number((field.value >> 3n) & 7n) + 1} levels`;
    default:
      return null;
  }
}

/** Names of the fields whose value differs between two stops. */
export function changedFields(
  now: readonly VmcsFieldView[] | null,
  before: readonly VmcsFieldView[] | null,
): ReadonlySet<string> {
  if (!now || !before) return new Set();
  const old = new Map(before.map((field) => [field.encoding, field.value]));
  return new Set(
    now
      .filter((field) => old.has(field.encoding) && old.get(field.encoding) !== field.value)
      .map(({ name }) => name),
  );
}

/** Fields that a reader's words find: in the name, its explanation, its decoded value or its set bits. */
export function searchFields(fields: readonly VmcsFieldView[], words: string): VmcsFieldView[] {
  const wanted = words
    .toLowerCase()
    .split(/[\s_]+/)
    .filter(Boolean);
  if (wanted.length === 0) return [...fields];
  return fields.filter((field) => {
    const bits = controlBits(field.name, field.value)
      .map(({ name }) => name)
      .join(" ");
    const text = `${field.name.replaceAll("_", " ")} ${explain(field.name)} ${decoded(field) ?? ""} ${bits}`;
    const lower = text.toLowerCase();
    return wanted.every((word) => lower.includes(word));
  });
}
