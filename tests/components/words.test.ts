import { describe, expect, it } from "vitest";
import * as FIELDS from "../../src/spec/vmcs-fields.js";
import * as CONTROLS from "../../src/spec/vmx-controls.js";
import { consolePieces, consoleTail } from "../../docs/components/figures/console-text.js";
import {
  cycles,
  exitLabel,
  hex,
  percent,
  tickCycles,
  vectorName,
} from "../../docs/components/figures/format.js";
import { changedRegisters, setBits } from "../../docs/components/figures/register-words.js";
import {
  changedFields,
  controlBits,
  decoded,
  explain,
  fieldGroups,
  searchFields,
} from "../../docs/components/figures/vmcs-fields.js";
import { viewOf } from "./fixture.js";

const plain = (text: string): string => text.replace(/[\u202f\u00a0]/g, " ");

describe("numbers", () => {
  it("groups hexadecimal digits by four", () => {
    expect(plain(hex(0x10_00a2n, 64))).toBe("0000 0000 0010 00a2");
    expect(plain(hex(-1n, 32))).toBe("ffff ffff");
  });
  it.each([
    [812, "812 cycles"],
    [1_320, "1 320 cycles"],
    [12_345, "12.3 k cycles"],
    [48_120_000, "48.1 M cycles"],
    [9_999_999_999, "10.0 G cycles"],
  ])("%i is %s", (value, text) => {
    expect(plain(cycles(value))).toBe(text);
  });
  it("keeps ticks short", () => {
    expect(plain(tickCycles(1_500_000, 500_000))).toBe("1.5 M");
    expect(plain(tickCycles(2_000_000, 1_000_000))).toBe("2 M");
    expect(plain(tickCycles(25_301_200, 200))).toBe("25 301 200");
  });
  it("never rounds something to nothing or to all", () => {
    expect(plain(percent(1, 1_000_000))).toBe("< 0.1 %");
    expect(plain(percent(999_999, 1_000_000))).toBe("> 99.9 %");
    expect(plain(percent(0, 10))).toBe("0.0 %");
    expect(percent(0, 0)).toBe("–");
  });
  it("names reasons and vectors", () => {
    expect([10, 30, 48].map(exitLabel)).toEqual(["CPUID", "I/O", "EPT violation"]);
    expect([14, 32].map(vectorName)).toEqual(["#PF page fault", "interrupt 0x20"]);
  });
});

describe("VMCS fields", () => {
  const names = Object.keys(FIELDS);

  it("explains every field with a sentence", () => {
    for (const name of names) {
      expect(explain(name), name).toMatch(/^[A-Z0-9].*\.$/);
      expect(explain(name), name).not.toContain("Appendix");
    }
  });

  it("puts every field into one group", () => {
    const { vmcs } = viewOf();
    const grouped = fieldGroups(vmcs!).flatMap(({ fields }) => fields);
    expect(grouped).toHaveLength(vmcs!.length);
    expect(new Set(grouped)).toHaveProperty("size", vmcs!.length);
  });

  it("names every control bit of spec/vmx-controls", () => {
    const found = [
      "PIN_BASED_CONTROLS",
      "PRIMARY_CONTROLS",
      "SECONDARY_CONTROLS",
      "EXIT_CONTROLS",
      "ENTRY_CONTROLS",
    ].flatMap((name) => controlBits(name, 0n));
    const expected = Object.keys(CONTROLS).filter(
      (key) => /^(PIN|PRIMARY|SECONDARY|EXIT|ENTRY)_/.test(key) && key !== "EXIT_REASON_ENTRY_FAILURE",
    );
    expect(found).toHaveLength(expected.length);
  });

  it("reads bits, bit 31 too", () => {
    const bits = controlBits("PRIMARY_CONTROLS", 0x8000_0080n).filter(({ set }) => set);
    expect(bits.map(({ bit, name }) => [bit, name])).toEqual([
      [7, "HLT exiting"],
      [31, "activate secondary"],
    ]);
  });

  it.each([
    ["EXIT_REASON", 12n, "12: HLT"],
    ["EXIT_REASON", 0x8000_0021n, "33: failed entry: guest state, VM entry failed"],
    ["ENTRY_INTERRUPTION_INFORMATION", 0x8000_0020n, "external interrupt, vector 32"],
    ["ENTRY_INTERRUPTION_INFORMATION", 0x20n, "not valid: no event"],
    ["EXIT_INTERRUPTION_INFORMATION", 0x8000_0b0en, "hardware exception, vector 14 (#PF page fault)"],
    ["GUEST_ACTIVITY_STATE", 1n, "halted"],
    ["GUEST_INTERRUPTIBILITY_STATE", 1n, "blocked by STI"],
    ["EXCEPTION_BITMAP", 0n, "no exception exits"],
  ] as const)("%s = %i says “%s”", (name, value, words) => {
    expect(decoded({ encoding: 0, group: "control", width: 32, name, value })).toBe(words);
  });

  it("finds fields by name, meaning, value and bit", () => {
    const { vmcs } = viewOf();
    const search = (words: string): string[] => searchFields(vmcs!, words).map(({ name }) => name);
    expect(search("guest rip")).toEqual(["GUEST_RIP"]);
    expect(search("hlt")).toEqual(["EXIT_REASON", "PRIMARY_CONTROLS"]);
    expect(search("injection")).toEqual(["ENTRY_INTERRUPTION_INFORMATION"]);
    expect(search("  ")).toHaveLength(vmcs!.length);
    expect(search("nothing of the kind")).toEqual([]);
  });

  it("knows what changed", () => {
    const before = viewOf().vmcs!;
    const now = before.map((field) => (field.name === "GUEST_RIP" ? { ...field, value: 1n } : field));
    expect([...changedFields(now, before)]).toEqual(["GUEST_RIP"]);
    expect(changedFields(now, null).size).toBe(0);
  });
});

describe("registers", () => {
  it("names set bits", () => {
    expect(setBits({ name: "RFLAGS", value: 0x246n })).toEqual(["PF", "ZF", "IF"]);
    expect(setBits({ name: "CR0", value: 0x8000_0001n })).toEqual(["PE", "PG"]);
    expect(setBits({ name: "RAX", value: 1n })).toBeNull();
  });
  it("knows what changed", () => {
    const { registers } = viewOf();
    const now = registers.map((register) =>
      register.name === "RAX" ? { ...register, value: 5n } : register,
    );
    expect([...changedRegisters(now, registers)]).toEqual(["RAX"]);
    expect(changedRegisters(now, null).size).toBe(0);
  });
});

describe("console", () => {
  it("shows control characters by their symbols and obeys none", () => {
    expect(consolePieces("a\r\nb\x1b[31mc\x07")).toEqual([
      { text: "a\nb", control: false },
      { text: "␛", control: true },
      { text: "[31mc", control: false },
      { text: "␇", control: true },
    ]);
  });
  it("keeps markup as text", () => {
    expect(consolePieces("<b>&")).toEqual([{ text: "<b>&", control: false }]);
  });
  it("cuts at the start of a line", () => {
    expect(consoleTail("one\ntwo\nthree", 8)).toEqual({ text: "three", cut: true });
    expect(consoleTail("short", 8)).toEqual({ text: "short", cut: false });
  });
});
