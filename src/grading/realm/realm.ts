import {
  DefaultIntrinsics,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
} from "quickjs-emscripten-core";
import {
  readPrimitive,
  clip,
  describe,
  give,
  takeArguments,
  type HostCall,
  type Primitive,
} from "./crossing.js";
import { consoleFacade } from "./console.js";
import { explainThrown } from "./explain.js";
import type { Facade } from "./facade.js";
import { PART_FILE, PartError, type PartProblem } from "./problem.js";
import { Budget, DEFAULT_LIMITS, type Limits } from "./limits.js";
import { moduleName, moduleText, SHARED_MODULES, type ConstantModules } from "./modules.js";
import { startQuickJs } from "./quickjs.js";
import type { Expected } from "./result.js";
import { transpile } from "./transpile.js";

/** Memory grows in steps of a fifth: past this part of its limit the next step can fail. */
const NEARLY_FULL = 0.75;

/** What {@link Realm.open} needs. */
export interface RealmOptions {
  /** The student's module, TypeScript or JavaScript. */
  source: string;
  /** What its functions are given. */
  facade: Facade;
  /** Modules of constants beside the shared ones, e.g. what a lab gives. */
  modules?: ConstantModules;
  limits?: Partial<Limits>;
  /** Compiled QuickJS; see {@link startQuickJs}. */
  quickjs?: WebAssembly.Module;
}

/** One finished run of an exported function, for those who watch. */
export interface PartRun {
  name: string;
  steps: number;
  hostCalls: number;
}

/**
 * A student's part in a JavaScript interpreter of its own. It has no authority but the calls of its facade, made while
 * one of its functions runs; no clock, no random numbers, no jobs that run later; and it is stopped for good when it
 * throws, returns what is not expected, or meets a limit.
 */
export class Realm {
  /** Why the part was stopped, once it was. */
  problem: PartProblem | null = null;
  /** What the part printed with console.log. */
  printed = "";
  /** Called after each run of a function that did not fail. */
  watch: ((run: PartRun) => void) | null = null;

  private readonly budget: Budget;
  private exports: QuickJSHandle | null = null;
  /** What the functions are given. */
  private given: QuickJSHandle | null = null;
  /** One of them runs: the calls of the facade may be made. */
  private running = false;
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
    realm.prepare(options.facade, { ...SHARED_MODULES, ...options.modules });
    if (transpiled.ok) realm.load();
    else realm.problem = transpiled.problem;
    return realm;
  }

  /**
   * An exported function as the hypervisor calls it. It gets the facade's object, then the arguments. It throws
   * {@link PartError} when the part fails or does not have it, and at every call after that.
   * @param type - of the export, as a student would write it
   */
  exported<R>(name: string, type: string, expected: Expected<R>): (...values: Primitive[]) => R {
    let handle: QuickJSHandle | null = null;
    return (...values) => {
      handle ??= this.exportedFunction(name, type);
      if (!this.problem && handle) {
        const result = this.run(name, handle, values, expected);
        if (result !== undefined) return result;
      }
      throw new PartError(this.problem!);
    };
  }

  /** Sets up what the part finds: the modules it may import, `console`, and what its functions are given. */
  private prepare(facade: Facade, modules: ConstantModules): void {
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
    this.install(
      consoleFacade((line) => this.print(line)),
      () => true,
    ).dispose();
    this.given = this.install(facade, () => this.running);
  }

  /** Makes a facade's object in the realm. */
  private install({ source, calls }: Facade, allowed: () => boolean): QuickJSHandle {
    const { context } = this;
    const host = context.newObject();
    for (const [name, call] of Object.entries(calls)) {
      context
        .newFunction(name, (...handles) => this.hostCall(call, allowed(), handles))
        .consume((f) => context.setProp(host, name, f));
    }
    const factory = context.unwrapResult(context.evalCode(source, "facade.js", { strict: true }));
    const made = context.unwrapResult(context.callFunction(factory, context.undefined, host));
    factory.dispose();
    host.dispose();
    return made;
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

  private exportedFunction(name: string, type: string): QuickJSHandle | null {
    if (!this.exports || this.problem) return null;
    const handle = this.context.getProp(this.exports, name);
    if (this.context.typeof(handle) === "function") return handle;
    const got = describe(this.context, handle);
    this.stop({
      kind: "missing-export",
      message:
        got === "undefined"
          ? `the part does not export ${name}: expected "export const ${name}: ${type} = …"`
          : `the part exports ${name}, but as ${got}: expected a function`,
      handler: null,
      location: null,
    });
    return null;
  }

  private run<R>(
    name: string,
    handle: QuickJSHandle,
    values: Primitive[],
    expected: Expected<R>,
  ): R | undefined {
    const { context, budget } = this;
    budget.begin();
    this.running = true;
    const result = this.enter(name, () =>
      context.callFunction(
        handle,
        context.undefined,
        this.given!,
        ...values.map((value) => give(context, value)),
      ),
    );
    this.running = false;
    if (this.bug) throw this.bug;
    if (!result) return undefined;
    if (result.error) {
      this.fail(name, result.error);
      return undefined;
    }
    const returned = this.take(name, result.value, expected);
    result.value.dispose();
    if (returned !== undefined) this.watch?.({ name, steps: budget.steps, hostCalls: budget.hostCalls });
    return returned;
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

  private take<R>(name: string, handle: QuickJSHandle, expected: Expected<R>): R | undefined {
    const taken = expected.take(readPrimitive(this.context, handle));
    if (taken !== undefined) return taken;
    const hint =
      this.context.typeof(handle) === "object" ? " (an async function or a generator returns an object)" : "";
    this.stop({
      kind: "wrong-return",
      message: `${name} returned ${describe(this.context, handle)}${hint}: expected ${expected.words}`,
      handler: name,
      location: null,
    });
    return undefined;
  }

  /** Runs a call that the part made, with values checked on the way in and errors turned into the realm's own. */
  private hostCall(
    call: HostCall,
    allowed: boolean,
    handles: QuickJSHandle[],
  ): QuickJSHandle | { error: QuickJSHandle } {
    const { context } = this;
    const refuse = (name: string, message: string): { error: QuickJSHandle } => ({
      error: context.newError({ name, message }),
    });
    if (this.budget.chargeHostCall()) return refuse("InternalError", "interrupted");
    if (!allowed) return refuse("TypeError", `${call.title.split(".")[0]}: used outside of a handler`);
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
