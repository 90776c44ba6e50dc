import { Session } from "../experiments/session.js";
import { GUEST_RAM_BASE } from "../hypervisor/memory/layout.js";
import type { PartOverrides } from "../hypervisor/parts.js";
import type { GradingAssets } from "./assets.js";
import type { Lab } from "./lab.js";
import type { PartUnderTest } from "./parts/part.js";
import type { PartProblem } from "./realm/problem.js";
import { Realm } from "./realm/realm.js";
import type { Scenario, ScenarioRun, Workbench } from "./scenario.js";
import { Variant } from "./variant.js";

/**
 * The test bench of one submission: builds the scenarios that checks ask for and runs the part in them, each once and
 * each in a realm of its own.
 */
export class Bench<Observed> implements Workbench<Observed> {
  private readonly runs = new Map<string, Promise<ScenarioRun<Observed>>>();
  private readonly references = new Map<string, Promise<ScenarioRun<Observed>>>();
  private readonly scenarios = new Map<string, Promise<Scenario>>();

  constructor(
    private readonly lab: Lab<Observed>,
    private readonly source: string,
    private readonly seed: string,
    private readonly assets: GradingAssets,
  ) {}

  /** What the part printed in the first scenario that was run. */
  printed = "";

  /** Loads the part once and throws it away: what is wrong with its text, if anything. */
  async load(): Promise<{ problem: PartProblem | null; printed: string }> {
    const { given } = await this.scenario(this.lab.scenarios[0].id);
    const { problem, printed } = await this.open(this.lab.part(), given);
    return { problem, printed };
  }

  scenario(id: string): Promise<Scenario> {
    const spec = this.lab.scenarios.find((candidate) => candidate.id === id);
    if (!spec) throw new RangeError(`lab ${this.lab.id} has no scenario "${id}"`);
    return memo(this.scenarios, id, () =>
      spec.build(new Variant(`${this.lab.id}/${this.seed}/${id}`), this.assets),
    );
  }

  run(id: string): Promise<ScenarioRun<Observed>> {
    return memo(this.runs, id, async () => {
      const scenario = await this.scenario(id);
      const part = this.lab.part();
      const realm = await this.open(part, scenario.given);
      if ("drive" in part) part.drive(realm, scenario);
      const run =
        "drive" in part
          ? { ...(await this.reference(id)), observed: part.observed }
          : this.execute(id, scenario, part, (session) => part.overrides(realm, session));
      this.printed ||= realm.printed;
      return { ...run, problem: realm.problem, printed: realm.printed };
    });
  }

  reference(id: string): Promise<ScenarioRun<Observed>> {
    return memo(this.references, id, async () =>
      this.execute(id, await this.scenario(id), this.lab.part(), () => ({})),
    );
  }

  private open({ facade }: PartUnderTest<Observed>, given: Scenario["given"]): Promise<Realm> {
    return Realm.open({ source: this.source, facade, modules: given, quickjs: this.assets.quickjs });
  }

  private execute(
    id: string,
    scenario: Scenario,
    { observed }: PartUnderTest<Observed>,
    parts: (session: () => Session) => PartOverrides,
  ): ScenarioRun<Observed> {
    const { image, name, ramBytes, commandLine, cpuMode, memoryMode, maxInstructions, capture } = scenario;
    const session: Session = Session.create({
      ...{ image, name, ramBytes, commandLine, memoryMode, maxInstructions },
      core: this.assets.core,
      cpuMode: cpuMode ?? "vtx",
      trace: false,
      parts: parts(() => session),
    });
    session.run();
    return {
      id,
      ending: session.ending!,
      moment: session.moment,
      console: Array.from(session.consoleBytes, (byte) => String.fromCharCode(byte)).join(""),
      observed,
      memory: capture
        ? session.machine.memory.read(
            (cpuMode === "native" ? 0 : GUEST_RAM_BASE) + capture.address,
            capture.bytes,
          )
        : new Uint8Array(0),
      problem: null,
      printed: "",
    };
  }
}

async function memo<T>(store: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = store.get(key);
  if (!value) store.set(key, (value = make()));
  return value;
}
