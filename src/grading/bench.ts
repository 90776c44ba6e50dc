import { peekVmcs } from "../experiments/machine-state.js";
import { Session } from "../experiments/session.js";
import { GUEST_RAM_BASE } from "../hypervisor/memory/layout.js";
import type { PartOverrides } from "../hypervisor/parts.js";
import type { ExitHandler } from "../hypervisor/vcpu.js";
import type { ExitReasonName } from "../hypervisor/vtx/exit-table.js";
import { EXIT_INSTRUCTION_LENGTH, GUEST_RIP } from "../spec/vmcs-fields.js";
import type { GradingAssets } from "./assets.js";
import { GuestState, type AuditedExit } from "./audit.js";
import type { Lab } from "./lab.js";
import type { PartProblem } from "./realm/problem.js";
import { Realm } from "./realm/realm.js";
import type { Scenario, ScenarioRun, Workbench } from "./scenario.js";
import { Variant } from "./variant.js";

/** Exits of one run whose states are kept. */
const MOST_AUDITED = 1_000;

/** A handler's realm and its last run, as one scenario uses them. */
interface Under {
  realm: Realm;
  exits: AuditedExit[];
}

/**
 * The test bench of one submission: builds the scenarios that checks ask for and runs the part in them, each once and
 * each in a realm of its own.
 */
export class Bench implements Workbench {
  private readonly runs = new Map<string, Promise<ScenarioRun>>();
  private readonly references = new Map<string, Promise<ScenarioRun>>();
  private readonly scenarios = new Map<string, Promise<Scenario>>();

  constructor(
    private readonly lab: Lab,
    private readonly source: string,
    private readonly seed: string,
    private readonly assets: GradingAssets,
  ) {}

  /** What the part printed in the first scenario that was run. */
  printed = "";

  /** Loads the part once and throws it away: what is wrong with its text, if anything. */
  async load(): Promise<{ problem: PartProblem | null; printed: string }> {
    const { given } = await this.scenario(this.lab.scenarios[0].id);
    const { problem, printed } = await this.open(given);
    return { problem, printed };
  }

  scenario(id: string): Promise<Scenario> {
    const spec = this.lab.scenarios.find((candidate) => candidate.id === id);
    if (!spec) throw new RangeError(`lab ${this.lab.id} has no scenario "${id}"`);
    return memo(this.scenarios, id, () =>
      spec.build(new Variant(`${this.lab.id}/${this.seed}/${id}`), this.assets),
    );
  }

  run(id: string): Promise<ScenarioRun> {
    return memo(this.runs, id, async () => {
      const scenario = await this.scenario(id);
      const under: Under = { realm: await this.open(scenario.given), exits: [] };
      const run = this.execute(id, scenario, (session) => this.partsUnderTest(under, session));
      this.printed ||= under.realm.printed;
      return { ...run, exits: under.exits, problem: under.realm.problem, printed: under.realm.printed };
    });
  }

  reference(id: string): Promise<ScenarioRun> {
    return memo(this.references, id, async () => this.execute(id, await this.scenario(id), () => ({})));
  }

  private open(given: Scenario["given"]): Promise<Realm> {
    return Realm.open({ source: this.source, modules: given, quickjs: this.assets.quickjs });
  }

  private execute(
    id: string,
    scenario: Scenario,
    parts: (session: () => Session) => PartOverrides,
  ): ScenarioRun {
    const { image, name, ramBytes, commandLine, maxInstructions, capture } = scenario;
    const options = {
      core: this.assets.core,
      image,
      name,
      ramBytes,
      commandLine,
      maxInstructions,
      trace: false,
    };
    const session: Session = Session.create({ ...options, cpuMode: "vtx", parts: parts(() => session) });
    session.run();
    return {
      id,
      ending: session.ending!,
      moment: session.moment,
      console: Array.from(session.consoleBytes, (byte) => String.fromCharCode(byte)).join(""),
      exits: [],
      memory: capture
        ? session.machine.memory.read(GUEST_RAM_BASE + capture.address, capture.bytes)
        : new Uint8Array(0),
      problem: null,
      printed: "",
    };
  }

  private partsUnderTest(under: Under, session: () => Session): PartOverrides {
    const exits: PartOverrides["exits"] = {};
    for (const [reason, exported] of Object.entries(this.lab.exits) as [ExitReasonName, string][]) {
      exits[reason] = audited(reason, under.realm.handler(exported), under, session);
    }
    return { exits };
  }
}

/** The student's handler, with the machine's state looked at before and after it. */
function audited(
  reason: ExitReasonName,
  handler: ExitHandler,
  under: Under,
  session: () => Session,
): ExitHandler {
  const cost = { steps: 0, hostCalls: 0 };
  return (vcpu) => {
    if (under.exits.length >= MOST_AUDITED) return handler(vcpu);
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
    under.realm.watch = (run) => Object.assign(cost, run);
    const outcome = handler(vcpu);
    under.exits.push({
      ...record,
      after: GuestState.of(machine),
      steps: cost.steps,
      hostCalls: cost.hostCalls,
    });
    return outcome;
  };
}

async function memo<T>(store: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = store.get(key);
  if (!value) store.set(key, (value = make()));
  return value;
}
