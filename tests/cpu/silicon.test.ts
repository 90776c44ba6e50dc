import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";
import { CASES_PER_ROW, CODE, DATA, makeCase, recorded } from "./silicon-cases.js";

type Recorded = [
  code: string,
  flags: string,
  signal: number,
  registers: Record<string, string>,
  data: Record<string, number>,
];

const FLAG_BITS: Record<string, bigint> = { o: 0x800n, s: 0x80n, z: 0x40n, a: 0x10n, p: 4n, c: 1n };
const SIX = 0x8d5n;

describe("against a real processor (an AMD EPYC; see recorder/)", () => {
  let core: BareCore;
  let results: Recorded[];
  beforeAll(() => {
    core = new BareCore();
    results = JSON.parse(
      gunzipSync(readFileSync(new URL("silicon.json.gz", import.meta.url))).toString(),
    ) as Recorded[];
  });

  /** What differs, in words; empty when nothing does. */
  function difference(row: (typeof recorded)[number], seed: number, expected: Recorded): string {
    const test = makeCase(row, seed);
    const [code, flags, signal, registers, data] = expected;
    const hex = Buffer.from(test.code).toString("hex");
    if (hex !== code) return `${row.mnemonic}: the recording is of ${code}, the case is ${hex}: record again`;
    // A count above the operand size leaves the result and the flags of SHLD and SHRD undefined.
    const count = (row.operands.endsWith("Ib") ? test.code.at(-1)! : Number(test.registers[1] & 31n)) & 31;
    if (/^sh[lr]d/.test(row.handler!) && test.code[0] === 0x66 && count > 16) return "";
    core.mode(64, CODE);
    core.write(CODE, test.code);
    core.write(DATA, test.data);
    test.registers.forEach((value, i) => core.setRegister(i, value));
    core.set64(S.RFLAGS, test.flags);
    core.view.setUint32(S.ACTIVITY, 0, true);
    core.core.stateChanged();
    const repeated = test.row.operands.startsWith("X");
    let stop = core.core.run(1);
    while (repeated && stop === STOP_BUDGET && core.rip === CODE) stop = core.core.run(1);
    if ((signal !== 0) !== (stop !== STOP_BUDGET)) return `signal ${signal}, stop ${stop}`;
    if (signal !== 0) return "";
    const wrong: string[] = [];
    if (core.rip !== CODE + test.code.length) wrong.push(`rip ${core.rip.toString(16)}`);
    for (let i = 0; i < 16; i++) {
      const value = registers[i] === undefined ? test.registers[i] : BigInt(`0x${registers[i]}`);
      if (core.register(i) !== value)
        wrong.push(`r${i} ${core.register(i).toString(16)}, not ${value.toString(16)}`);
    }
    const undefinedBits = [...(row.flags.undefined ?? "")].reduce(
      (bits, letter) => bits | FLAG_BITS[letter],
      0n,
    );
    const mask = SIX & ~undefinedBits;
    const mine = core.get64(S.RFLAGS) & mask;
    const theirs = BigInt(`0x${flags}`) & mask;
    if (mine !== theirs)
      wrong.push(
        `flags ${mine.toString(16)}, not ${theirs.toString(16)} (before ${test.flags.toString(16)})`,
      );
    const memory = core.ram(DATA, 4096);
    for (let i = 0; i < 4096; i++) {
      const value = data[i] ?? test.data[i];
      if (memory[i] !== value) wrong.push(`[${i}] ${memory[i]}, not ${value}`);
    }
    return wrong.join("; ");
  }

  it("has a recording of every row", () => {
    expect(results.length).toBe(recorded.length * CASES_PER_ROW);
  });

  recorded.forEach((row, i) => {
    it(`${row.encoding} ${row.mnemonic} ${row.operands}`, () => {
      const wrong: string[] = [];
      for (let k = 0; k < CASES_PER_ROW; k++) {
        const result = results[i * CASES_PER_ROW + k];
        const text = difference(row, i * 1000 + k, result);
        if (text) wrong.push(`${result[0]}: ${text}`);
      }
      expect(wrong.join("\n")).toBe("");
    });
  });
});
