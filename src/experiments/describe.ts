import * as R from "../spec/exit-reasons.js";
import { exitReasonName } from "../trace/names.js";
import type { Ending, MachineView } from "./view.js";

/** What the words of a state are made from. */
export interface StateInWords {
  phase: MachineView["phase"];
  /** Reason of the exit that waits for its handler. */
  pendingExit: number | null;
  /** Halted in the hypervisor. */
  waiting: boolean;
  ring: MachineView["ring"];
  ending: Ending | null;
}

/** The state of a machine in words, e.g. "paused in the hypervisor, exit 12: HLT". */
export function describeState({ phase, pendingExit, waiting, ring, ending }: StateInWords): string {
  switch (phase) {
    case "ready":
      return "ready: nothing has run yet";
    case "guest":
      if (waiting) return "halted, waiting for an interrupt";
      return ring === 3
        ? "paused in the guest, user code (ring 3)"
        : `paused in the guest, its kernel (ring ${ring})`;
    case "hypervisor":
      return `paused in the hypervisor, exit ${pendingExit}: ${exitReasonName(pendingExit ?? -1)}`;
    case "ended":
      return `ended: ${ending?.kind.replaceAll("-", " ")}, status ${ending?.status}`;
  }
}

/** An exit in words: what the guest did that brought the hypervisor in. */
export function describeExit(reason: number, qualification: bigint): string {
  const q = Number(qualification & 0xffff_ffffn);
  switch (reason) {
    case R.CPUID:
      return "asked which processor this is (CPUID)";
    case R.HLT:
      return "has nothing to do until an interrupt (HLT)";
    case R.IO_INSTRUCTION: {
      const verb = (q & 8) !== 0 ? "read" : "wrote";
      const bytes = (q & 7) + 1;
      return `${verb} ${bytes === 1 ? "a byte" : `${bytes} bytes`} ${(q & 8) !== 0 ? "from" : "to"} port 0x${(q >>> 16).toString(16)}`;
    }
    case R.RDMSR:
      return "read a model-specific register (RDMSR)";
    case R.WRMSR:
      return "wrote a model-specific register (WRMSR)";
    case R.EXTERNAL_INTERRUPT:
      return "was interrupted: the machine's own timer or a device wants the hypervisor";
    case R.INTERRUPT_WINDOW:
      return "can take interrupts now (interrupt window)";
    case R.EPT_VIOLATION:
      return `${(q & 4) !== 0 ? "fetched from" : (q & 2) !== 0 ? "wrote to" : "read from"} an address that its memory does not have (EPT violation)`;
    case R.CONTROL_REGISTER_ACCESS:
      return `${((q >> 4) & 3) === 1 ? "read" : "wrote"} control register CR${q & 15}`;
    case R.EXCEPTION_OR_NMI:
      return `faulted at linear address 0x${qualification.toString(16)} on its shadow page tables (page fault)`;
    case R.INVLPG:
      return `dropped the translation of linear address 0x${qualification.toString(16)} (INVLPG)`;
    case R.INVPCID:
      return "dropped translations of address spaces (INVPCID)";
    case R.TRIPLE_FAULT:
      return "shut down (triple fault)";
    default:
      return `exit ${reason}: ${exitReasonName(reason)}`;
  }
}
