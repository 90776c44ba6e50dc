import { peekVmcs } from "../../experiments/machine-state.js";
import type { Session } from "../../experiments/session.js";
import type { PartOverrides } from "../../hypervisor/parts.js";
import type { ExitHandler } from "../../hypervisor/vcpu.js";
import type { ExitReasonName } from "../../hypervisor/vtx/exit-table.js";
import { EXIT_INSTRUCTION_LENGTH, GUEST_RIP } from "../../spec/vmcs-fields.js";
import { GuestState, type AuditedExit } from "../audit.js";
import { VcpuFacade } from "../realm/facades/vcpu.js";
import type { Realm } from "../realm/realm.js";
import type { PartKind } from "./part.js";

/** Exits of one run whose states are kept. */
const MOST_AUDITED = 1_000;

/**
 * Handlers of exits. What is observed: the exits that they handled, in order, as the machine's state shows them.
 * @param exports - by the exit's reason, the export that handles it
 */
export function exitHandlers(
  exports: Readonly<Partial<Record<ExitReasonName, string>>>,
): PartKind<readonly AuditedExit[]> {
  return () => {
    const facade = new VcpuFacade();
    const observed: AuditedExit[] = [];
    const overrides = (realm: Realm, session: () => Session): PartOverrides => {
      const exits: PartOverrides["exits"] = {};
      for (const [reason, exported] of Object.entries(exports) as [ExitReasonName, string][])
        exits[reason] = audited(reason, facade.handler(realm, exported), { realm, observed, session });
      return { exits };
    };
    return { facade, observed, overrides };
  };
}

interface Audit {
  realm: Realm;
  observed: AuditedExit[];
  session: () => Session;
}

/** The student's handler, with the machine's state looked at before and after it. */
function audited(
  reason: ExitReasonName,
  handler: ExitHandler,
  { realm, observed, session }: Audit,
): ExitHandler {
  const cost = { steps: 0, hostCalls: 0 };
  return (vcpu) => {
    if (observed.length >= MOST_AUDITED) return handler(vcpu);
    const { machine, moment } = session();
    const before = GuestState.of(machine);
    const { eax, ecx } = vcpu.registers;
    const record = {
      reason,
      moment,
      rip: peekVmcs(machine, GUEST_RIP),
      length: peekVmcs(machine, EXIT_INSTRUCTION_LENGTH),
      before,
      hardware: vcpu.cpuid(eax, ecx),
    };
    realm.watch = ({ steps, hostCalls }) => Object.assign(cost, { steps, hostCalls });
    const outcome = handler(vcpu);
    observed.push({ ...record, ...cost, after: GuestState.of(machine) });
    return outcome;
  };
}
