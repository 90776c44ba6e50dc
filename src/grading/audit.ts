import { peekVmcs } from "../experiments/machine-state.js";
import type { Moment } from "../experiments/view.js";
import type { CpuidRegisters } from "../hypervisor/vcpu.js";
import { REGISTER_NAMES, type RegisterName } from "../hypervisor/vcpu.js";
import type { ExitReasonName } from "../hypervisor/vtx/exit-table.js";
import type { Machine } from "../machine/machine.js";
import * as S from "../spec/cpu-state.js";
import * as F from "../spec/vmcs-fields.js";
import { VMCS_GROUP_FIELDS } from "../spec/vmcs-layout.js";

type FieldName = keyof typeof F;

const CONTROL = 0;
const GUEST = 2;
/** All fields that software may write and that say something about the guest: controls and guest state. */
const FIELDS = (Object.entries(F) as [FieldName, number][]).filter(([, encoding]) => {
  const type = (encoding >> 10) & 3;
  return (type === CONTROL || type === GUEST) && ((encoding >> 1) & 0x1ff) < VMCS_GROUP_FIELDS;
});
const INDEX = new Map<string, number>(
  [...REGISTER_NAMES, ...FIELDS.map(([name]) => name)].map((name, i) => [name, i]),
);
const RSP = REGISTER_NAMES.indexOf("rsp");

/** The guest's state while it is out: registers, and the fields of the VMCS. Read by a debug probe; nothing runs. */
export class GuestState {
  private constructor(private readonly values: BigUint64Array) {}

  static of(machine: Machine): GuestState {
    const values = new BigUint64Array(REGISTER_NAMES.length + FIELDS.length);
    for (let i = 0; i < REGISTER_NAMES.length; i++) {
      values[i] = i === RSP ? peekVmcs(machine, F.GUEST_RSP) : machine.processor.read64(S.GPR + 8 * i);
    }
    FIELDS.forEach(([, encoding], i) => (values[REGISTER_NAMES.length + i] = peekVmcs(machine, encoding)));
    return new GuestState(values);
  }

  get(name: RegisterName | FieldName): bigint {
    return this.values[INDEX.get(name)!];
  }

  /** Names of the registers and fields that differ. */
  differences(other: GuestState): (RegisterName | FieldName)[] {
    return [...INDEX]
      .filter(([, i]) => this.values[i] !== other.values[i])
      .map(([name]) => name as RegisterName | FieldName);
  }
}

/** One exit that the part under test handled. */
export interface AuditedExit {
  reason: ExitReasonName;
  /** When its handler ran; see {@link Moment}. */
  moment: Moment;
  /** RIP of the instruction that exited, and its length. */
  rip: bigint;
  length: bigint;
  before: GuestState;
  after: GuestState;
  /** What the hardware answers to CPUID with the guest's EAX and ECX. */
  hardware: CpuidRegisters;
  /** What the handler used, in steps and calls to the hypervisor. */
  steps: number;
  hostCalls: number;
}
