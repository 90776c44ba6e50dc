import {
  DefaultIntrinsics,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
} from "quickjs-emscripten-core";
import { OUTCOMES, type Outcome } from "../../hypervisor/outcome.js";
import type { ExitHandler, Vcpu } from "../../hypervisor/vcpu.js";
import { clip, describe, give, takeArguments, type HostCall, type Primitive } from "./crossing.js";
import { explainThrown } from "./explain.js";
import { FACADE_SOURCE, hostCalls, NAMES_32, NAMES_64 } from "./facade.js";
import { PART_FILE, PartError, type PartProblem } from "./problem.js";
import { Budget, DEFAULT_LIMITS, type Limits } from "./limits.js";
import { moduleName, moduleText, SHARED_MODULES, type ConstantModules } from "./modules.js";
import { startQuickJs } from "./quickjs.js";
import { transpile } from "./transpile.js";

/** Memory grows in steps of a fifth: past this part of its limit the next step can fail. */
const NEARLY_FULL = 0.75;

/** What {@link Realm.open} needs. */
export interface RealmOptions {
  /** The student's module, TypeScript or JavaScript. */
  source: string;
  /** Modules of constants beside the shared ones, e.g. what a lab gives. */
  modules?: ConstantModules;
  limits?: Partial<Limits>;
  /** Compiled QuickJS; see {@link startQuickJs}. */
  quickjs?: WebAssembly.Module;
}

/** One finished run of a handler, for those who watch. */
export interface HandlerRun {
  handler: string;
  steps: number;
  hostCalls: number;
}

/**
 * A student's part in a JavaScript interpreter of its own. It has no authority but the calls of {@link Vcpu}, made while
 * one of its handlers runs; no clock, no random numbers, no jobs that run later; and it is stopped for good when it
 * throws, returns what is no outcome, or meets a limit.
 */
export class Realm {
  /** Why the part was stopped, once it was. */
  problem: PartProblem | null = null;
  /** What the part printed with console.log. */
  printed = "";
  /** Called after each run of a handler that did not fail. */
  watch: ((run: HandlerRun) => void) | null = null;

  private readonly budget: Budget;
  private exports: QuickJSHandle | null = null;
  private vcpu: Vcpu | null = null;
  private facade: QuickJSHandle | null = null;
  /** An error of the hypervisor's own that a host call met. */
  private bug: Error | null = null;

  private refusedImport: string | null = null;

  private constructor(
    private readonly runtime: QuickJSRuntime,
    private readonly context: QuickJSContext,
    private readonly memory: WebAssembly.Memory,
    private readonly source: string,
    private readonly code: string,
    private readonly limits: Limits,
  ) {
    this.budget = new Budget(limits);
  }

  /** Loads a part. The realm returned has a {@link problem} when that went wrong. */
  static async open(options: RealmOptions): Promise<Realm> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const transpiled = await transpile(options.source);
    const quickjs = await startQuickJs(limits.memoryBytes, options.quickjs);
    const runtime = quickjs.newRuntime({ maxStackSizeBytes: limits.stackBytes });
    const context = runtime.newContext({ intrinsics: { ...DefaultIntrinsics, Date: false } });
    const realm = new Realm(
      runtime,
      context,
      quickjs.getWasmMemory(),
      options.source,
      transpiled.ok ? transpiled.code : "",
      limits,
    );
    realm.prepare({ ...SHARED_MODULES, ...options.modules });
    if (transpiled.ok) realm.load();
    else realm.problem = transpiled.problem;
    return realm;
  }

  /**
   * An exported handler as the run loop calls it. Throws {@link PartError} when the part fails or does not have it, and
   * at every call after that.
   */
  handler(name: string): ExitHandler {
    let handle: QuickJSHandle | null = null;
    return (vcpu) => {
      handle ??= this.exportedFunction(name);
      if (!this.problem && handle) {
        const outcome = this.run(name, handle, vcpu);
        if (outcome) return outcome;
      }
      throw new PartError(this.problem!);
    };
  }

  /** Sets up what the part finds: the modules it may import, `console`, and the facade of the vCPU. */
  private prepare(modules: ConstantModules): void {
    const { context, runtime } = this;
    // Keeps the realm's own BigInt for values that cross later, before the part can replace it.
    context.newBigInt(0n).dispose();
    runtime.setInterruptHandler(() => this.budget.poll());
    runtime.setModuleLoader(
      (name) => {
        const constants = Object.hasOwn(modules, name) ? modules[name] : undefined;
        if (constants) return moduleText(constants);
        this.refusedImport ??= refusedImport(name, modules);
        return { error: new Error(this.refusedImport) };
      },
      (_base, specifier) => moduleName(specifier),
    );
    const host = context.newObject();
    const calls = hostCalls(
      () => this.currentVcpu(),
      (line) => this.print(line),
    );
    for (const [name, call] of Object.entries(calls)) {
      context
        .newFunction(name, (...handles) => this.hostCall(call, handles))
        .consume((f) => context.setProp(host, name, f));
    }
    const factory = context.unwrapResult(context.evalCode(FACADE_SOURCE, "facade.js", { strict: true }));
    this.facade = context.unwrapResult(
      context.callFunction(
        factory,
        context.undefined,
        host,
        context.newString(NAMES_64),
        context.newString(NAMES_32),
      ),
    );
    factory.dispose();
    host.dispose();
  }

  private load(): void {
    const { context } = this;
    this.budget.begin();
    const result = this.enter(null, () =>
      context.evalCode(this.code, PART_FILE, { type: "module", strict: true }),
    );
    if (!result) return;
    if (result.error) {
      this.fail(null, result.error);
      return;
    }
    const state = context.getPromiseState(result.value);
    if (state.type === "fulfilled") this.exports = state.value;
    else if (state.type === "rejected") this.fail(null, state.error);
    else
      this.stop({
        kind: "threw",
        message: "the module waits (top-level await): nothing in a part runs later",
        handler: null,
        location: null,
      });
  }

  private exportedFunction(name: string): QuickJSHandle | null {
    if (!this.exports || this.problem) return null;
    const handle = this.context.getProp(this.exports, name);
    if (this.context.typeof(handle) === "function") return handle;
    const got = describe(this.context, handle);
    this.stop({
      kind: "missing-export",
      message:
        got === "undefined"
          ? `the part does not export ${name}: expected "export const ${name}: ExitHandler = …"`
          : `the part exports ${name}, but as ${got}: expected a function`,
      handler: null,
      location: null,
    });
    return null;
  }

  private run(name: string, handle: QuickJSHandle, vcpu: Vcpu): Outcome | null {
    const { context, budget } = this;
    budget.begin();
    this.vcpu = vcpu;
    const result = this.enter(name, () => context.callFunction(handle, context.undefined, this.facade!));
    this.vcpu = null;
    if (this.bug) throw this.bug;
    if (!result) return null;
    if (result.error) {
      this.fail(name, result.error);
      return null;
    }
    const outcome = this.outcome(name, result.value);
    result.value.dispose();
    if (outcome) this.watch?.({ handler: name, steps: budget.steps, hostCalls: budget.hostCalls });
    return outcome;
  }

  /**
   * Runs code of the part. What comes out of the interpreter as an exception of the host is its end: too deep a
   * recursion where it does not count (JSON.parse of a deep text), or a trap.
   */
  private enter<T>(handler: string | null, code: () => T): T | null {
    try {
      return code();
    } catch (error) {
      const who = handler ?? "the module";
      const deep = error instanceof RangeError || !(error instanceof WebAssembly.RuntimeError);
      this.stop({
        kind: deep ? "stack" : "crash",
        message: deep ? `${who} used its stack: endless recursion?` : `${who} made the interpreter stop`,
        handler,
        location: null,
      });
      return null;
    }
  }

  private outcome(name: string, handle: QuickJSHandle): Outcome | null {
    const text = this.context.typeof(handle) === "string" ? this.context.getString(handle) : "";
    const outcome = OUTCOMES.find((candidate) => candidate === text);
    if (outcome) return outcome;
    const hint =
      this.context.typeof(handle) === "object" ? " (an async function or a generator returns an object)" : "";
    this.stop({
      kind: "wrong-return",
      message: `${name} returned ${describe(this.context, handle)}${hint}: expected ${OUTCOMES.map((o) => `"${o}"`).join(", ")}`,
      handler: name,
      location: null,
    });
    return null;
  }

  /** Runs a call that the part made, with values checked on the way in and errors turned into the realm's own. */
  private hostCall(call: HostCall, handles: QuickJSHandle[]): QuickJSHandle | { error: QuickJSHandle } {
    const { context } = this;
    const refuse = (name: string, message: string): { error: QuickJSHandle } => ({
      error: context.newError({ name, message }),
    });
    if (this.budget.chargeHostCall()) return refuse("InternalError", "interrupted");
    const values = takeArguments(context, call, handles);
    if (typeof values === "string") return refuse("TypeError", values);
    try {
      return give(context, call.call(...(values as never[])) as Primitive);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) return refuse(error.name, error.message);
      this.bug = error as Error;
      return refuse("InternalError", "the hypervisor has a bug");
    }
  }

  private currentVcpu(): Vcpu {
    if (this.vcpu) return this.vcpu;
    throw new TypeError("vcpu: used outside of a handler");
  }

  private print(line: string): void {
    const room = this.limits.printedCharacters - this.printed.length;
    if (room > 0) this.printed += clip(`${line}\n`, room);
  }

  private fail(handler: string | null, error: QuickJSHandle): void {
    const { context, budget, limits, source, code, refusedImport } = this;
    const memoryFull = this.memory.buffer.byteLength > limits.memoryBytes * NEARLY_FULL;
    this.stop(
      explainThrown({ context, budget, limits, source, code, memoryFull, refusedImport }, handler, error),
    );
    error.dispose();
  }

  private stop(problem: PartProblem): void {
    this.problem ??= problem;
  }
}

function refusedImport(name: string, modules: ConstantModules): string {
  return `it imports "${name}"; a part may import ${Object.keys(modules).join(", ")}`;
}
