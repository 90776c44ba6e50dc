import { describe, expect, it } from "vitest";
import {
  instructionGroups,
  stateOf,
  type InstructionRow,
} from "../../docs/components/processor/processor-data.js";
import { TABLE } from "../../src/cpu/instructions/table.js";
import { processorData } from "../../src/site/processor.js";
import * as exitReasons from "../../src/spec/exit-reasons.js";
import { VMX_CONTROLS } from "../../src/spec/vmx-control-list.js";
import { SUITES } from "../cpu/silicon/suites.js";
import { CASES } from "../cpu/silicon/case.js";
import { names } from "../coverage.js";

const data = processorData();
const rowOf = (encoding: string, mnemonic: string): InstructionRow =>
  data.instructions.find((row) => row.encoding === encoding && row.mnemonic === mnemonic)!;

describe("the tables of the processor", () => {
  it("have every row of the instruction table, implemented if it has a handler", () => {
    expect(
      data.instructions.map(({ encoding, mnemonic, implemented }) => [encoding, mnemonic, implemented]),
    ).toEqual(TABLE.map(({ encoding, mnemonic, handler }) => [encoding, mnemonic, handler !== undefined]));
  });

  it("count every case recorded on silicon", () => {
    const forms = Object.values(SUITES).reduce((sum, suite) => sum + suite.length, 0);
    const cases = data.instructions.reduce((sum, { silicon }) => sum + silicon.register + silicon.memory, 0);
    expect(cases).toBe(forms * CASES);
  });

  it("have every control, implemented and tested alike, and every exit reason", () => {
    expect(data.controls.map(({ name }) => name)).toEqual(VMX_CONTROLS.map(({ name }) => name));
    expect(data.controls.filter(({ implemented, test }) => implemented !== (test !== undefined))).toEqual([]);
    expect(data.controls.find(({ name }) => name === "Enable EPT")).toMatchObject({ implemented: true });
    expect(data.controls.find(({ name }) => name === "Entry to SMM")).toMatchObject({ implemented: false });
    expect(data.exits.map(({ name }) => name)).toEqual(Object.keys(exitReasons));
    expect(data.exits.find(({ name }) => name === "HLT")).toMatchObject({ raised: true, handler: "hlt" });
    expect(data.exits.find(({ name }) => name === "ENCLS")).toMatchObject({ raised: false, tests: [] });
  });

  it("say what exercises a row", () => {
    expect(rowOf("01 /r", "add").silicon).toEqual({ register: CASES, memory: CASES });
    expect(rowOf("01 /r", "add").lockstep).toBeGreaterThan(0);
    expect(rowOf("01 /r", "add").decoded).toBeGreaterThan(0);
    const titles = rowOf("F4", "hlt").named.map((number) => data.tests[number].title);
    expect(titles).toContain("HLT waits for one, and goes on after it");
  });

  it("have a test for every instruction that is implemented and every exit that is raised", () => {
    const untested = data.instructions.filter((row) => stateOf(row) === "untested");
    expect(untested.map(({ mnemonic, encoding }) => `${mnemonic} ${encoding}`)).toEqual([]);
    const bare = data.exits.filter(({ raised, tests }) => raised && tests.length === 0);
    expect(bare.map(({ name }) => name)).toEqual([]);
  });

  it("list a row that no test executes as such, and an absent one as absent", () => {
    const row = rowOf("01 /r", "add");
    const bare = { ...row, silicon: { register: 0, memory: 0 }, lockstep: 0, named: [] };
    expect(stateOf(bare)).toBe("untested");
    expect(stateOf({ ...bare, implemented: false })).toBe("absent");
    expect(stateOf({ ...bare, named: [0] })).toBe("named");
    expect(stateOf({ ...bare, lockstep: 1 })).toBe("compared");
    expect(instructionGroups([bare], "", "untested")).toEqual([{ mnemonic: "add", rows: [bare] }]);
  });

  it("are found by mnemonic, by opcode and by state, and lose no row", () => {
    const all = instructionGroups(data.instructions, "", "");
    expect(all.flatMap(({ rows }) => rows)).toHaveLength(TABLE.length);
    expect(new Set(all.map(({ mnemonic }) => mnemonic)).size).toBe(all.length);
    expect(instructionGroups(data.instructions, "vmla", "").map(({ mnemonic }) => mnemonic)).toEqual([
      "vmlaunch",
    ]);
    expect(instructionGroups(data.instructions, "0f a2", "").map(({ mnemonic }) => mnemonic)).toEqual([
      "cpuid",
    ]);
    expect(instructionGroups(data.instructions, "cpuid", "absent")).toEqual([]);
  });
});

describe("a text names an instruction", () => {
  const row = (mnemonic: string, operands: string, handler?: string) => ({
    ...TABLE[0],
    mnemonic,
    operands,
    handler,
  });
  it.each([
    ["MOV CR3, rcx", row("mov", "Cy,Ry"), true],
    ["MOV CR3, rcx", row("mov", "Ry,Cy"), false],
    ["MOV rcx, CR3", row("mov", "Ry,Cy"), true],
    ["MOV rax, DR6", row("mov", "Ev,Gv"), false],
    ["POP", row("pop", "FS", "pop_sreg"), false],
    ["REP INSB", row("ins", "Xb", "ins"), true],
    ["RDTSCP", row("rdtsc", ""), false],
    ["NOP", row("nop", "Ev"), false],
    [`NOP ${TABLE[0].encoding}`, row("nop", "Ev"), true],
  ])("%s, %o: %s", (text, one, named) => {
    expect(names(text, one)).toBe(named);
  });
});
