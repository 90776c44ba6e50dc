import { describe, expect, it } from "vitest";
import { HYPERVISOR_SIGNATURE } from "../../labs/cpuid-msr/given.js";
import { cpuidMsr } from "../../labs/cpuid-msr/lab.js";
import { gradedLab, named } from "./graded.js";

const { gradePart, mutant, SOLUTION } = gradedLab(cpuidMsr);

const START = "export const handleCpuid: ExitHandler = (vcpu) => {\n  const { registers } = vcpu;";
/** The solution with statements at the start of its CPUID handler. */
const inHandler = (statements: string): string => mutant(START, `${START}\n  ${statements}`);
const SHORT = (body: string): string => `export const handleCpuid = (vcpu) => { ${body} };`;

describe("cheats that gain nothing", () => {
  it.each<[string, string, number]>([
    [
      "prints a forged report",
      SHORT(
        `console.log('{"score": 20, "maxScore": 20}'); console.log("All 12 checks passed: 20 of 20 points."); return "resume";`,
      ),
      0,
    ],
    [
      "answers with objects that equal everything",
      SHORT(
        `return { valueOf: () => "resume", toString: () => "resume", [Symbol.toPrimitive]: () => "resume" };`,
      ),
      0,
    ],
    ["answers with a Proxy", SHORT(`return new Proxy({}, { get: () => () => "resume" });`), 0],
    ["powers the machine off", SHORT(`return "power-off";`), 0],
    ["shuts the machine down", SHORT(`return "shutdown";`), 0],
    [
      "prints the kernel's console itself",
      `export const handleCpuid = (vcpu) => { for (const c of "hello from ring 0\\n") vcpu.writePort(0x3f8, 1, c.charCodeAt(0)); vcpu.writePort(0x604, 2, 0x2000); return "resume"; };`,
      0,
    ],
    ["exits the process", SHORT("process.exit(0);"), 0],
    ["asks for the global object", SHORT(`const g = Function("return this")(); g.process.exit(0);`), 0],
    [
      "climbs the host's constructors",
      SHORT(`vcpu.vmread.constructor.constructor("return process")().exit(0);`),
      0,
    ],
    ["reads the solution", `import { handleCpuid } from "./solution.js";\nexport { handleCpuid };`, 0],
    [
      "reads files",
      `import { readFileSync } from "fs";\nexport const handleCpuid = () => readFileSync("/etc/passwd");`,
      0,
    ],
    ["opens the network", SHORT(`fetch("https://example.org"); return "resume";`), 0],
    ["waits for a timer", SHORT(`setTimeout(() => {}, 0); return "resume";`), 0],
  ])("%s", async (_what, part, score) => {
    const report = await gradePart(part);
    expect([report.state, report.score]).toEqual(["graded", score]);
  });

  it("a hard-coded signature passes in no variant", async () => {
    const part = mutant("signatureLeaf(HYPERVISOR_SIGNATURE)", `signatureLeaf("${HYPERVISOR_SIGNATURE}")`);
    expect(named(await gradePart(part), "passed")).not.toContain("cpuid-signature");
  });

  it("recognising the public scenario leaves the hidden one", async () => {
    const { checks } = await gradePart(
      mutant("signatureLeaf(HYPERVISOR_SIGNATURE)", 'signatureLeaf("------------")'),
    );
    const message = checks.find(({ id }) => id === "cpuid-signature")!.expected!;
    const public_ = JSON.parse(message) as string;
    const report = await gradePart(
      mutant("signatureLeaf(HYPERVISOR_SIGNATURE)", `signatureLeaf(${JSON.stringify(public_)})`),
    );
    expect(named(report, "passed")).toContain("cpuid-signature");
    expect(named(report, "passed")).not.toContain("hostile-guest");
    expect(named(report, "passed")).not.toContain("boots");
  });
});

describe("accidents and sabotage that change nothing", () => {
  it.each<[string, string]>([
    [
      "pollutes prototypes",
      `Object.prototype.state = "passed"; Object.prototype.score = 20; Array.prototype.map = () => ["passed"]; String.prototype.replace = () => "";\n${SOLUTION}`,
    ],
    [
      "replaces JSON and globals",
      `globalThis.JSON = { stringify: () => "{}" }; globalThis.Number = undefined; globalThis.BigInt = undefined;\n${SOLUTION.replaceAll("Number(", "(+String)(").replaceAll("(+String)(value & 0xffff_ffffn)", "parseInt(value & 0xffff_ffffn)").replaceAll("(+String)(value >> 32n)", "parseInt(value >> 32n)").replace("(BigInt(registers.edx) << 32n) | BigInt(registers.eax)", "((registers.rdx & 0xffff_ffffn) << 32n) | (registers.rax & 0xffff_ffffn)")}`,
    ],
    [
      "freezes globals",
      `Object.freeze(globalThis); Object.freeze(Object.prototype); Object.freeze(Array.prototype);\n${SOLUTION}`,
    ],
    ["uses eval", `${SOLUTION}\neval("1 + 1");`],
    [
      "starts an endless promise chain",
      inHandler("const again = (): Promise<void> => Promise.resolve().then(again);\n  void again();"),
    ],
    ["prints without end", inHandler('console.log("x".repeat(100_000));')],
    ["imports later", inHandler('void import("fs");')],
    [
      "catches everything",
      inHandler("try { null!; (undefined as never as { x: { y: 1 } }).x.y; } catch { /* nothing */ }"),
    ],
  ])("%s", async (_what, part) => {
    const report = await gradePart(part);
    expect(
      report.checks
        .filter((check) => check.state !== "passed")
        .map(({ id, message, actual }) => [id, message, actual]),
    ).toEqual([]);
    expect(report.printed.length).toBeLessThanOrEqual(4096);
  });
});

describe("parts that break", () => {
  it.each<[string, string, RegExp]>([
    [
      "an endless loop",
      inHandler("for (;;);"),
      /^part\.ts:\d+(:\d+)?: handleCpuid used its 1,000,000-instruction budget: endless loop\?$/,
    ],
    [
      "endless recursion",
      inHandler("const f = (): number => f() + 1;\n  f();"),
      /handleCpuid used its stack: endless recursion\?$/,
    ],
    [
      "a memory bomb",
      inHandler("const all: unknown[] = [];\n  for (;;) all.push(new Uint8Array(1 << 20));"),
      /handleCpuid used its 32 MiB of memory$/,
    ],
    ["a thrown string", inHandler('throw "oops";'), /handleCpuid threw the string "oops"$/],
    ["a thrown nothing", inHandler("throw undefined;"), /handleCpuid threw undefined$/],
    [
      "a thrown object that throws when it is read",
      inHandler("throw { get message() { throw 1; }, toString() { throw 2; } };"),
      /threw an object with no message$/,
    ],
    [
      "an async handler",
      SOLUTION.replace(
        "ExitHandler = (vcpu) => {\n  const { registers } = vcpu;\n  const answer",
        "never = async (vcpu) => {\n  const { registers } = vcpu;\n  const answer",
      ),
      /handleCpuid returned an object \(an async function or a generator returns an object\)/,
    ],
    [
      "a generator",
      SHORT("return 1;").replace("(vcpu) =>", "function* (vcpu)"),
      /handleCpuid returned an object/,
    ],
    [
      "an outcome of another kind",
      SHORT('return "continue";'),
      /handleCpuid returned the string "continue": expected "resume"/,
    ],
    [
      "a wrong argument",
      inHandler('vcpu.vmread("GUEST_RIP" as never);'),
      /TypeError: vcpu\.vmread: field must be a whole number, got the string "GUEST_RIP"$/,
    ],
  ])("%s", async (_what, part, message) => {
    const report = await gradePart(part);
    expect([report.state, report.problem, report.score]).toEqual(["graded", null, 0]);
    expect(report.checks[0].message).toMatch(message);
  });

  it.each<[string, string, RegExp]>([
    [
      "a syntax error",
      `${SOLUTION}\nexport const = 1;`,
      /^The part could not be loaded: part\.ts:\d+:14: syntax error/,
    ],
    ["text that is no program", "Dear grader, please give me 20 points.", /syntax error/],
    ["a loop at the top", `for (;;);\n${SOLUTION}`, /the module used its 1,000,000-instruction budget/],
  ])("%s", async (_what, part, summary) => {
    const report = await gradePart(part);
    expect([report.state, report.score]).toEqual(["graded", 0]);
    expect(report.summary).toMatch(summary);
  });

  it("a part with one handler gets that handler's points", async () => {
    const report = await gradePart(SOLUTION.replace("export const handleWrmsr", "export const writeMsr"));
    expect(named(report, "passed")).toContain("cpuid-features");
    expect(named(report, "failed")).toEqual(["msr-unknown", "msr-round-trip"]);
  });
});
