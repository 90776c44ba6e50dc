import { beforeAll, describe, expect, it } from "vitest";
import { loadAssembler } from "../../src/guests/assemble.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_SHUTDOWN } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";

const assemble = await loadAssembler();

const CODE = 0x10000;
const OPERAND = 0x20000;
const UNMAPPED = 0x4000_0000;
const [RAX, RCX, RDX, RSP, RSI] = [0, 1, 2, 4, 6];
/** More than a stub takes: whole blocks run, not single instructions. */
const BUDGET = 100;

/** What the manual says of each condition (SDM Vol. 1, appendix B), of the flags. */
const CONDITIONS: Record<string, (flags: Flags) => boolean> = {
  o: ({ of }) => of,
  no: ({ of }) => !of,
  b: ({ cf }) => cf,
  ae: ({ cf }) => !cf,
  e: ({ zf }) => zf,
  ne: ({ zf }) => !zf,
  be: ({ cf, zf }) => cf || zf,
  a: ({ cf, zf }) => !cf && !zf,
  s: ({ sf }) => sf,
  ns: ({ sf }) => !sf,
  p: ({ pf }) => pf,
  np: ({ pf }) => !pf,
  l: ({ sf, of }) => sf !== of,
  ge: ({ sf, of }) => sf === of,
  le: ({ zf, sf, of }) => zf || sf !== of,
  g: ({ zf, sf, of }) => !zf && sf === of,
};

interface Flags {
  cf: boolean;
  zf: boolean;
  sf: boolean;
  of: boolean;
  pf: boolean;
}

/** Flags of a - b, or of a & b, of so many bits. */
function flagsOf(mnemonic: "cmp" | "test", a: bigint, b: bigint, bits: number): Flags {
  const [ua, ub] = [BigInt.asUintN(bits, a), BigInt.asUintN(bits, b)];
  const result = BigInt.asUintN(bits, mnemonic === "cmp" ? ua - ub : ua & ub);
  const negative = (value: bigint): boolean => BigInt.asIntN(bits, value) < 0n;
  const ones = [...(result & 0xffn).toString(2)].filter((bit) => bit === "1").length;
  return {
    cf: mnemonic === "cmp" && ua < ub,
    zf: result === 0n,
    sf: negative(result),
    of: mnemonic === "cmp" && negative(ua) !== negative(ub) && negative(result) !== negative(ua),
    pf: ones % 2 === 0,
  };
}

const REGISTERS: Record<number, [string, string]> = {
  8: ["cl", "dl"],
  16: ["cx", "dx"],
  32: ["ecx", "edx"],
  64: ["rcx", "rdx"],
};
const WIDTH: Record<number, string> = { 8: "byte", 16: "word", 32: "dword", 64: "qword" };

/** Operands by form: RCX or [RSI] holds a, RDX, [RSI] or the immediate b. */
function operandsOf(form: string, bits: number, immediate: bigint): string {
  const [c, d] = REGISTERS[bits]!;
  const memory = `${WIDTH[bits]} ptr [rsi]`;
  return {
    rr: `${c}, ${d}`,
    ri: `${c}, ${immediate}`,
    mi: `${memory}, ${immediate}`,
    mr: `${memory}, ${d}`,
    rm: `${c}, ${memory}`,
  }[form]!;
}

function edges(bits: number): bigint[] {
  const top = 1n << BigInt(bits - 1);
  return [0n, 1n, 2n, top - 1n, top, top + 1n, 2n * top - 2n, 2n * top - 1n, 0x55n];
}

const IMMEDIATES = [0n, 1n, 0x7fn, -1n, -128n];

describe.each(["cmp", "test"] as const)("%s and a conditional jump behind it", (mnemonic) => {
  const forms = mnemonic === "cmp" ? ["rr", "ri", "mi", "mr", "rm"] : ["rr", "ri", "mi", "mr"];
  it.each(forms.flatMap((form) => [8, 16, 32, 64].map((bits) => [form, bits] as const)))(
    "%s of %i bits: jumps when the condition holds, and leaves the flags of the comparison",
    (form, bits) => {
      const immediates = /i/.test(form) ? IMMEDIATES : [0n];
      const stubs = immediates.flatMap((immediate) =>
        Object.keys(CONDITIONS).map((name) => ({ immediate, name })),
      );
      const { bytes, symbols } = assemble(
        [
          ".code64",
          ...stubs.map(
            ({ immediate, name }, i) =>
              `stub${i}: ${mnemonic} ${operandsOf(form, bits, immediate)}\nj${name} taken\nmov eax, 1\nspin${i}: jmp spin${i}`,
          ),
          "taken: mov eax, 2\nspin: jmp spin",
        ].join("\n"),
        { origin: CODE },
      );
      const core = new BareCore();
      core.write(CODE, bytes);
      core.mode(64, CODE);
      core.setRegister(RSI, OPERAND);
      const wrong: string[] = [];
      stubs.forEach(({ immediate, name }, i) => {
        for (const a of edges(bits)) {
          for (const b of /i/.test(form) ? [immediate] : edges(bits)) {
            core.setRegister(RCX, a);
            core.setRegister(RDX, b);
            core.view.setBigUint64(core.ram(OPERAND, 8).byteOffset, form === "rm" ? b : a, true);
            core.set64(S.RIP, symbols[`stub${i}`]!);
            core.core.stateChanged();
            core.core.run(BUDGET);
            const flags = flagsOf(mnemonic, a, b, bits);
            const expected = CONDITIONS[name]!(flags) ? 2n : 1n;
            const rflags = core.get64(S.RFLAGS);
            const bit = (at: number): boolean => ((rflags >> BigInt(at)) & 1n) === 1n;
            const left: Flags = { cf: bit(0), pf: bit(2), zf: bit(6), sf: bit(7), of: bit(11) };
            if (
              core.register(RAX) !== expected ||
              JSON.stringify(left) !==
                JSON.stringify({ cf: flags.cf, pf: flags.pf, zf: flags.zf, sf: flags.sf, of: flags.of })
            )
              wrong.push(`${mnemonic} ${form}${bits} j${name} of ${a}, ${b}`);
          }
        }
      });
      expect(wrong).toEqual([]);
    },
  );

  it("is not executed when the comparison faults, and neither counts", () => {
    const { bytes } = assemble(`.code64\nnop\n${mnemonic} dword ptr [rsi], 5\njne away\naway: jmp away`, {
      origin: CODE,
    });
    const core = new BareCore();
    core.write(CODE, bytes);
    core.mode(64, CODE);
    core.setRegister(RSI, UNMAPPED);
    expect(core.core.run(BUDGET)).toBe(STOP_SHUTDOWN);
    expect(core.rip).toBe(CODE + 1);
    expect(core.get64(S.INSTRUCTIONS)).toBe(1n);
  });
});

describe("returns and indirect jumps", () => {
  let core: BareCore;
  let symbols: Record<string, number>;
  const run = (from: string): void => {
    core.set64(S.RIP, symbols[from]!);
    core.setRegister(RAX, 0);
    core.setRegister(RSP, 0x8_0000);
    expect(core.core.run(1000)).toBe(STOP_BUDGET);
  };
  beforeAll(() => {
    const program = assemble(
      `.code64
       one: call routine; inc eax; jmp end
       two: call routine; add eax, 16; jmp end
       three: call routine; add eax, 256; call routine; add eax, 256; jmp end
       end: jmp end
       routine: lea ebx, [rbx + 1]; ret
       tables: mov ecx, 3
       again: lea rdx, [rip + places]; jmp qword ptr [rdx + rcx * 8]
       zero: jmp end
       first: add eax, 1; dec ecx; jmp again
       second: add eax, 16; dec ecx; jmp again
       third: add eax, 256; dec ecx; jmp again
       .balign 8
       places: .quad zero, first, second, third
      `.replaceAll(";", "\n"),
      { origin: CODE },
    );
    symbols = program.symbols;
    core = new BareCore();
    core.write(CODE, program.bytes);
    core.mode(64, CODE);
  });

  it("go where they should, however many places they have gone before", () => {
    for (let round = 0; round < 3; round++) {
      for (const [from, result] of [
        ["one", 1n],
        ["two", 16n],
        ["three", 512n],
      ] as const) {
        run(from);
        expect(core.register(RAX)).toBe(result);
      }
    }
    run("tables");
    expect(core.register(RAX)).toBe(273n);
  });

  it("find what has been written since where they go", () => {
    run("one");
    core.write(symbols.one! + 5, [0xff, 0xc8]); // dec eax over inc eax
    run("one");
    expect(core.register(RAX)).toBe(0xffff_ffffn);
  });

  it("go by the page tables of the moment", () => {
    // The routine returns to the other 2 MiB page with the same bytes, but for one, behind other page tables.
    const directory = 0x3000;
    const other = 0x60_0000;
    run("two");
    const copy = [...core.ram(CODE, 0x1000)];
    copy[symbols.two! + 5 - CODE + 2] = 64; // add eax, 64
    core.write(other + CODE, copy);
    core.view.setBigUint64(core.ram(directory, 8).byteOffset, BigInt(other) | 0x83n, true);
    core.core.flushTlb();
    core.core.stateChanged();
    run("two");
    expect(core.register(RAX)).toBe(64n);
  });
});
