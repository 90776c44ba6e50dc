import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guest } from "../experiments/guest.js";
import { validate } from "./json-schema.js";
import { ring1 } from "./ring1.js";

/** #UD is handled by UD2 on a fresh stack each time (IST 1): delivery after delivery, with no instruction between. */
const FAULT_LOOP = `
  main:
    mov rdi, IDT + 6 * 16
    mov eax, offset handler
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], 0x8e01
    shr eax, 16
    mov [rdi + 6], ax
    mov dword ptr [rdi + 8], 0
    lidt [idt_pointer]
    mov dword ptr [TSS + 36], 0x11f000
    mov eax, TSS
    mov word ptr [gdt + TSS_SEGMENT], 103
    mov word ptr [gdt + TSS_SEGMENT + 2], ax
    shr eax, 16
    mov byte ptr [gdt + TSS_SEGMENT + 4], al
    mov byte ptr [gdt + TSS_SEGMENT + 5], 0x89
    mov ax, TSS_SEGMENT
    ltr ax
  handler:
    ud2
  idt_pointer:
    .word 16 * 32 - 1
    .quad IDT
`;

let folder: string;
beforeAll(() => (folder = mkdtempSync(path.join(tmpdir(), "ring1-"))));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => path.join(folder, name);

const schema: unknown = JSON.parse(
  readFileSync(new URL("../../src/cli/run-report.schema.json", import.meta.url), "utf8"),
);

describe("ring1 run", () => {
  it("gives the guest's console alone on standard output", () => {
    const native = ring1("run", "prime", "--cpu-mode", "native", "--append", "100");
    const vtx = ring1("run", "prime", "--append", "100");
    expect(native).toMatchObject({ status: 0, stdout: "25 primes below 100\n" });
    expect(vtx).toMatchObject({ status: 0, stdout: "25 primes below 100\n" });
    expect(vtx.stderr).toContain("powered");
  });

  it.each([
    ["native", []],
    ["vtx", ["IO_INSTRUCTION"]],
    ["pv", ["HYPERCALL_CONSOLE_WRITE", "HYPERCALL_SHUTDOWN"]],
  ])("writes a report that its schema describes (%s)", (mode, exits) => {
    const report = file(`${mode}.json`);
    const { stdout } = ring1("run", "prime", "--cpu-mode", mode, "--append", "1000", "--json", report);
    const json = JSON.parse(readFileSync(report, "utf8"));
    expect(validate(schema, json)).toEqual([]);
    expect(json).toMatchObject({ console: stdout, status: 0, ended: "power-off", cpuMode: mode });
    expect(Object.keys(json.exits)).toEqual(exits);
    expect(json.cycles).toBeGreaterThan(json.instructions / 4);
  });

  it("takes the build of a guest that its CPU mode wants, and says why it cannot take a file", () => {
    const { stdout, status } = ring1("run", "hello", "--cpu-mode", "pv");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^hello from ring 0\n.*\nabove   Ring-1Ring-1\n/);
    writeFileSync(file("native.bin"), guest("main: jmp main"));
    const refused = ring1("run", file("native.bin"), "--cpu-mode", "pv");
    expect(refused.status).toBe(125);
    expect(refused.stderr).toMatch(/has no paravirtual header/);
    const wrong = ring1("run", "hello", "--cpu-mode", "pv", "--memory-mode", "nested");
    expect(wrong.status).toBe(125);
    expect(wrong.stderr).toMatch(/memory mode nested with CPU mode pv: it takes direct/);
  });

  it("has a schema that refuses what is no report", () => {
    expect(validate(schema, {})).not.toEqual([]);
    const report = JSON.parse(readFileSync(file("vtx.json"), "utf8"));
    expect(validate(schema, { ...report, status: "0" })).not.toEqual([]);
    expect(validate(schema, { ...report, ended: "well" })).not.toEqual([]);
    expect(validate(schema, { ...report, more: 1 })).not.toEqual([]);
    expect(validate(schema, { ...report, exits: { CPUID: { count: 1 } } })).not.toEqual([]);
  });

  it("writes a trace that a viewer reads", () => {
    const trace = file("trace.json");
    expect(ring1("run", "prime", "--append", "100", "--trace", trace).status).toBe(0);
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8"));
    expect(
      traceEvents.filter(
        ({ ph, name }: { ph: string; name: string }) => ph === "X" && name === "IO_INSTRUCTION",
      ).length,
    ).toBeGreaterThan(20);
  });

  it.each([
    ["triple-fault", [], 126],
    ["endless", ["--max-instructions", "100000"], 124],
  ])("%s ends with the documented status", (guest, options, status) => {
    for (const mode of ["native", "vtx"]) {
      expect(ring1("run", guest, "--cpu-mode", mode, ...options).status, mode).toBe(status);
    }
  });
});

describe("ring1 run of a guest that faults for ever, never completing an instruction", () => {
  it.each(["native", "vtx"])("ends with its budget (%s)", (mode) => {
    writeFileSync(file("fault-loop.bin"), guest(FAULT_LOOP));
    const { status } = ring1(
      "run",
      file("fault-loop.bin"),
      "--cpu-mode",
      mode,
      "--max-instructions",
      "20000",
    );
    expect(status).toBe(124);
  });
});

describe("ring1 run, wrongly used", () => {
  const refused = (...args: string[]): string => {
    const { status, stdout, stderr } = ring1(...args);
    expect(status).toBe(125);
    expect(stdout).toBe("");
    expect(stderr).not.toMatch(/\n\s+at /);
    return stderr;
  };

  it("suggests names for a guest that there is not", () => {
    expect(refused("run", "helo")).toBe(
      "ring1: there is no guest and no file called helo; did you mean hello?\n",
    );
    expect(refused("run", "xyzzy-quux")).toContain("ring1 guests lists");
  });

  it("names what is wrong with an image", () => {
    writeFileSync(file("truncated.elf"), Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0));
    expect(refused("run", file("truncated.elf"))).toContain("truncated.elf");
    writeFileSync(file("text"), "not an image");
    refused("run", file("text"));
    refused("run", folder);
  });

  it("says how much RAM an image needs", () => {
    expect(refused("run", "hello", "--ram", "1")).toMatch(/RAM|memory/i);
  });

  it.each([
    [["run"]],
    [["run", "hello", "--cpu-mode", "magic"]],
    [["run", "hello", "--ram", "0"]],
    [["run", "hello", "--ram", "many"]],
    [["run", "hello", "--ram", "999999"]],
    [["run", "hello", "--max-instructions", "-5"]],
    [["run", "hello", "--no-such-option"]],
    [["run", "hello", "extra"]],
    [["run", "hello", "--module", "/no/such/file"]],
    [["no-such-command"]],
  ])("%j", (args) => {
    expect(refused(...args).length).toBeGreaterThan(10);
  });

  it.each(["--json", "--trace"])("loses no console over a %s that cannot be written", (option) => {
    for (const target of ["/no/such/folder/report.json", folder, "/dev/full"]) {
      const { status, stdout, stderr } = ring1("run", "prime", "--append", "100", option, target);
      expect({ status, stdout }).toEqual({ status: 125, stdout: "25 primes below 100\n" });
      expect(stderr).toContain(`cannot write ${target}: `);
    }
  });
});

describe("ring1", () => {
  it("lists the guests", () => {
    const { status, stdout } = ring1("guests");
    expect(status).toBe(0);
    for (const name of ["hello", "prime", "endless"])
      expect(stdout).toMatch(new RegExp(`^${name} +\\S`, "m"));
  });

  it("explains itself", () => {
    for (const args of [
      ["--help"],
      ["run", "--help"],
      ["guests", "--help"],
      ["bench", "--help"],
      ["grade", "--help"],
    ]) {
      const { status, stdout } = ring1(...args);
      expect(status, args.join(" ")).toBe(0);
      expect(stdout).toContain("Usage: ring1");
    }
    expect(ring1("run", "--help").stdout).toContain("126   triple fault");
  });
});
