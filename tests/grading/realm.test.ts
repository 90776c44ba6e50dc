import { describe, expect, it } from "vitest";
import { PartError, type PartProblem } from "../../src/grading/realm/problem.js";
import { VcpuFacade } from "../../src/grading/realm/facades/vcpu.js";
import { Realm } from "../../src/grading/realm/realm.js";
import type { Limits } from "../../src/grading/realm/limits.js";
import type { ExitHandler } from "../../src/hypervisor/vcpu.js";
import { CPUID } from "../../src/spec/exit-reasons.js";
import { mockVcpu, type MockVcpu } from "./mock-vcpu.js";

const HEADER = `import * as Fields from "../../src/spec/vmcs-fields.js";
import * as Msr from "ring1/spec/msrs";
import type { ExitHandler, Vcpu } from "../../src/hypervisor/vcpu.js";
`;

interface Opened {
  realm: Realm;
  handler: (name: string) => ExitHandler;
  vcpu: MockVcpu;
  result: string | PartProblem;
}

/** Opens a part whose handler has this body, and runs it once. */
async function run(body: string, limits?: Partial<Limits>): Promise<Opened> {
  return runModule(`${HEADER}export const handle: ExitHandler = (vcpu: Vcpu) => {\n${body}\n};`, limits);
}

async function runModule(source: string, limits?: Partial<Limits>): Promise<Opened> {
  const facade = new VcpuFacade();
  const realm = await Realm.open({ source, facade, limits });
  const handler = (name: string): ExitHandler => facade.handler(realm, name);
  const vcpu = mockVcpu(CPUID);
  vcpu.registers.rax = 0x1234_5678_9abc_def0n;
  let result: string | PartProblem;
  try {
    result = handler("handle")(vcpu);
  } catch (error) {
    if (!(error instanceof PartError)) throw error;
    result = error.problem;
    expect(realm.problem).toBe(result);
  }
  return { realm, handler, vcpu, result };
}

async function problemOf(body: string, limits?: Partial<Limits>): Promise<PartProblem> {
  const { result } = await run(body, limits);
  expect(result).toBeTypeOf("object");
  return result as PartProblem;
}

describe("the vCPU that a part sees", () => {
  it("has 64-bit and 32-bit registers", async () => {
    const { vcpu, result } = await run(`
      if (vcpu.registers.rax !== 0x123456789abcdef0n) throw new Error("rax");
      if (vcpu.registers.eax !== 0x9abcdef0) throw new Error("eax");
      vcpu.registers.ebx = 0xffff_ffff;
      vcpu.registers.r15 = 0xffff_ffff_ffff_fffen;
      return "resume";`);
    expect(result).toBe("resume");
    expect(vcpu.registers.rbx).toBe(0xffff_ffffn);
    expect(vcpu.registers.r15).toBe(0xffff_ffff_ffff_fffen);
  });

  it("does every call", async () => {
    const { vcpu, result } = await run(`
      const wrong = [];
      const same = (name, got, want) => { if (got !== want) wrong.push(name + " " + String(got)); };
      same("reason", vcpu.exitReason, 10);
      same("index", vcpu.index, 0);
      vcpu.vmwrite(Fields.GUEST_RIP, 0xffff_8000_0000_0000n);
      same("vmread", vcpu.vmread(Fields.GUEST_RIP), 0xffff_8000_0000_0000n);
      const { eax, ebx, ecx, edx } = vcpu.cpuid(0x4000_0000, 3);
      same("eax", eax, 0x4000_0000); same("ebx", ebx, 3); same("ecx", ecx, 0xffff_ffff); same("edx", edx, 0x8000_0001);
      same("rdmsr", vcpu.rdmsr(Msr.IA32_TIME_STAMP_COUNTER), 1n);
      same("rdmsr", vcpu.rdmsr(0x99), undefined);
      same("virtual", vcpu.readVirtualMsr(0x10), 7n);
      same("virtual", vcpu.readVirtualMsr(0x11), undefined);
      same("write", vcpu.writeVirtualMsr(0x10, 9n), true);
      same("write", vcpu.writeVirtualMsr(0x11, 9n), false);
      same("port", vcpu.readPort(0x3f8, 1), 0x3f9);
      vcpu.writePort(0x3f8, 1, 65);
      vcpu.inject({ vector: 13, type: "exception", errorCode: 0 });
      vcpu.inject({ vector: 32, type: "interrupt" });
      vcpu.advance();
      if (wrong.length) throw new Error(wrong.join("; "));
      return "halt";`);
    expect(result).toBe("halt");
    expect(vcpu.written).toEqual(["1016 1 65"]);
    expect(vcpu.virtualMsrs.get(0x10)).toBe(9n);
    expect(vcpu.advances).toBe(1);
    expect(vcpu.injected).toEqual([
      { vector: 13, type: "exception", errorCode: 0 },
      { vector: 32, type: "interrupt" },
    ]);
  });

  it("checks types where values cross, naming the call", async () => {
    const cases: [string, string][] = [
      ["vcpu.registers.rax = 5 as never", "vcpu.registers.rax: value must be a bigint, got the number 5"],
      [
        "vcpu.registers.eax = 5n as never",
        "vcpu.registers.eax: value must be a whole number, got the bigint 5n",
      ],
      ["vcpu.registers.eax = 0.5", "vcpu.registers.eax: value must be a whole number, got the number 0.5"],
      [
        "vcpu.vmread('GUEST_RIP' as never)",
        'vcpu.vmread: field must be a whole number, got the string "GUEST_RIP"',
      ],
      [
        "vcpu.vmwrite(Fields.GUEST_RIP, { valueOf: () => 1n } as never)",
        "vcpu.vmwrite: value must be a bigint, got an object",
      ],
      ["vcpu.vmwrite(Fields.GUEST_RIP, null as never)", "vcpu.vmwrite: value must be a bigint, got null"],
      ["(vcpu as any).cpuid(1)", "vcpu.cpuid: subleaf must be a whole number, got undefined"],
      [
        "vcpu.inject({ vector: 13, type: 'fault' as never })",
        'vcpu.inject: type must be "interrupt" or "exception", got "fault"',
      ],
      [
        "vcpu.inject({ vector: new Proxy({}, {}) as never, type: 'exception' })",
        "vcpu.inject: vector must be a whole number, got an object",
      ],
    ];
    for (const [statement, message] of cases) {
      const { kind, message: got, location } = await problemOf(`${statement};\nreturn "resume";`);
      expect([kind, got]).toEqual(["threw", `handle threw TypeError: ${message}`]);
      expect(location?.line).toBe(5);
    }
  });

  it("hands the hypervisor's RangeErrors to the part, which may catch them", async () => {
    expect((await problemOf("vcpu.vmread(0x10000); return 'resume';")).message).toBe(
      "handle threw RangeError: VMREAD of field 65536: no such field",
    );
    const { result } = await run(
      "try { vcpu.vmread(0x10000); } catch { return 'shutdown'; } return 'resume';",
    );
    expect(result).toBe("shutdown");
  });

  it("is of no use outside of a handler", async () => {
    const { handler, vcpu } = await runModule(
      `let kept; export const handle = (vcpu) => { kept = vcpu; return "resume"; };
       export const later = () => { try { return kept.registers.rax === 0n ? "halt" : "resume"; } catch { return "shutdown"; } };`,
    );
    expect(handler("later")(vcpu)).toBe("resume");
  });
});

describe("a part that goes wrong", () => {
  it.each([
    ["throw new TypeError('no');", "threw", "handle threw TypeError: no"],
    ["throw 'text';", "threw", 'handle threw the string "text"'],
    ["throw undefined;", "threw", "handle threw undefined"],
    ["throw null;", "threw", "handle threw null"],
    ["JSON.parse('x');", "threw", "handle threw SyntaxError: unexpected token: 'x'"],
    ["throw 17n;", "threw", "handle threw the bigint 17n"],
    ["throw Symbol('x');", "threw", "handle threw a symbol"],
    ["throw {};", "threw", "handle threw an object with no message"],
    [
      "throw { get message() { throw 1; }, get stack() { for (;;); } };",
      "threw",
      "handle threw an object with no message",
    ],
    ["throw new Proxy({}, { get() { throw 1; } });", "threw", "handle threw an object with no message"],
    ["for (;;);", "budget", "handle used its 1,000,000-instruction budget: endless loop?"],
    [
      "try { for (;;); } catch {} finally { return 'resume'; }",
      "budget",
      "handle used its 1,000,000-instruction budget: endless loop?",
    ],
    [
      "for (;;) try { vcpu.vmread(0); } catch {}",
      "budget",
      "handle used its 1,000,000-instruction budget: endless loop?",
    ],
    ["(function f() { f(); })();", "stack", "handle used its stack: endless recursion?"],
    ["const a = []; for (;;) a.push(new Uint8Array(1 << 20));", "memory", "handle used its 32 MiB of memory"],
    ["let s = 'x'; for (;;) s += s;", "threw", "handle threw InternalError: string too long"],
    ["const all = []; for (;;) all.push({});", "memory", "handle used its 32 MiB of memory"],
    ["const all = []; for (;;) all.push('x'.repeat(2 ** 20));", "memory", "handle used its 32 MiB of memory"],
    ["JSON.parse('['.repeat(100_000));", "stack", "handle used its stack: endless recursion?"],
    [
      "return;",
      "wrong-return",
      'handle returned undefined: expected "resume", "halt", "power-off", "shutdown"',
    ],
    [
      "return 'RESUME' as never;",
      "wrong-return",
      'handle returned the string "RESUME": expected "resume", "halt", "power-off", "shutdown"',
    ],
    [
      "return { toString: () => 'resume', valueOf: () => 'resume' } as never;",
      "wrong-return",
      'handle returned an object (an async function or a generator returns an object): expected "resume", "halt", "power-off", "shutdown"',
    ],
    ["process.exit(0);", "threw", "handle threw ReferenceError: 'process' is not defined"],
    ["Date.now();", "threw", "handle threw ReferenceError: 'Date' is not defined"],
    ["Math.random();", "threw", "handle threw TypeError: not a function"],
  ])("%s", async (body, kind, message) => {
    const got = await problemOf(body);
    expect([got.kind, got.message]).toEqual([kind, message]);
    expect(got.handler).toBe("handle");
  });

  it("says where", async () => {
    expect((await problemOf("\n  null.x;\n")).location).toEqual({ line: 6, column: 7 });
    expect((await problemOf("const n: number | null = null; n.x;")).location).toEqual({
      line: 5,
      column: null,
    });
  });

  it("does not come back to life", async () => {
    const { handler, vcpu } = await runModule(
      "let n = 0; export const handle = () => (n++ ? 'resume' : undefined);",
    );
    expect(() => handler("handle")(vcpu)).toThrow(PartError);
  });
});

describe("loading a part", () => {
  it.each([
    ["export const handle = ;", "syntax", "syntax error: Unexpected token", { line: 1, column: 23 }],
    [
      "const a = 1;\nconst a = 2;",
      "syntax",
      "syntax error: invalid redefinition of global identifier",
      { line: 2, column: 9 },
    ],
    ["(".repeat(100_000), "syntax", "syntax error: the text is nested too deeply to be read", null],
    [
      "",
      "missing-export",
      'the part does not export handle: expected "export const handle: ExitHandler = …"',
      null,
    ],
    [
      "export const handle = 5;",
      "missing-export",
      "the part exports handle, but as the number 5: expected a function",
      null,
    ],
    [
      "for (;;);",
      "budget",
      "the module used its 1,000,000-instruction budget: endless loop?",
      { line: 1, column: 1 },
    ],
    [
      "await new Promise(() => {});",
      "threw",
      "the module waits (top-level await): nothing in a part runs later",
      null,
    ],
    [
      "const forever = () => Promise.resolve().then(forever); await forever();",
      "threw",
      "the module waits (top-level await): nothing in a part runs later",
      null,
    ],
    ["throw new Error('early');", "threw", "the module threw Error: early", { line: 1, column: 16 }],
  ])("%s", async (source, kind, message, location) => {
    const { result } = await runModule(source);
    expect(result).toMatchObject({ kind, message, location });
  });

  it("refuses imports of anything but constants", async () => {
    for (const name of [
      "fs",
      "node:fs",
      "./solution.js",
      "../../labs/cpuid-msr/checks.ts",
      "https://example.org/x.js",
      "__proto__",
    ]) {
      const { result } = await runModule(`import * as x from "${name}"; export const handle = () => x;`);
      expect(result).toMatchObject({ kind: "import" });
      expect((result as PartProblem).message).toMatch(
        /^it imports ".*"; a part may import spec\/control-bits, /,
      );
    }
  });

  it("leaves a dynamic import unfinished", async () => {
    const { result } = await run("import('fs').then((fs) => fs.writeFileSync('x', 'y')); return 'resume';");
    expect(result).toBe("resume");
  });

  it("keeps what is printed, up to a limit", async () => {
    const { realm } = await run("console.log('a', 1, 2n, { b: 3n }); return 'resume';");
    expect(realm.printed).toBe('a 1 2n {"b":"3n"}\n');
    const loud = await run("for (let i = 0; i < 1000; i++) console.log('x'.repeat(1000)); return 'resume';");
    expect(loud.realm.printed.length).toBe(4096);
  });

  it("uses the same steps every time", async () => {
    const body = "let n = 0; for (let i = 0; i < 123456; i++) n += i; return n ? 'resume' : 'halt';";
    const steps = async (): Promise<number[]> => {
      const seen: number[] = [];
      const facade = new VcpuFacade();
      const realm = await Realm.open({ source: `export const handle = (vcpu) => { ${body} }`, facade });
      realm.watch = (run) => seen.push(run.steps);
      for (let i = 0; i < 3; i++) facade.handler(realm, "handle")(mockVcpu(CPUID));
      return seen;
    };
    expect(await steps()).toEqual(await steps());
  });
});
