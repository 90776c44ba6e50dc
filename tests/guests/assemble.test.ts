import { describe, expect, it } from "vitest";
import { assemble, AssemblyError } from "../../src/guests/assemble.js";
import { GUEST_ORIGIN } from "../../src/guests/catalogue.js";
import { FORMS_32, FORMS_64 } from "./instruction-forms.js";
import { assembledGuests, gnuAssemble, have, sourcesOf } from "./support.js";

const ORIGIN = 0x10_0000;
const bytesOf = (source: string): string =>
  Buffer.from(assemble(source, { origin: ORIGIN }).bytes).toString("hex");

function failure(source: string): AssemblyError {
  try {
    assemble(source, { origin: ORIGIN });
  } catch (error) {
    if (error instanceof AssemblyError) return error;
    throw error;
  }
  throw new Error(`was assembled: ${source}`);
}

/** The lines that differ, each line in a slot of 16 bytes so that one difference does not shift the rest. */
function differences(forms: readonly string[], mode: string): string[] {
  const slot = (line: string): string => `${line}\n.balign 16, 0xcc`;
  const gnu = gnuAssemble([mode, ...forms.map(slot)].join("\n"), ORIGIN);
  const ours = assemble([mode, ...forms.map(slot)].join("\n"), { origin: ORIGIN }).bytes;
  const hex = (bytes: Uint8Array, i: number): string =>
    Buffer.from(bytes.subarray(16 * i, 16 * i + 16)).toString("hex");
  return forms.flatMap((line, i) =>
    hex(gnu, i) === hex(ours, i) ? [] : [`${line}: ${hex(ours, i)}, GNU ${hex(gnu, i)}`],
  );
}

describe.skipIf(!have("as"))("against GNU as", () => {
  it("encodes 64-bit instructions alike", () => {
    expect(FORMS_64.length).toBeGreaterThan(5000);
    expect(differences(FORMS_64, ".code64")).toEqual([]);
  });

  it("encodes 32-bit instructions alike", () => {
    expect(FORMS_32.length).toBeGreaterThan(80);
    expect(differences(FORMS_32, ".code32")).toEqual([]);
  });

  it.each(assembledGuests.map((entry) => [entry.name, entry] as const))(
    "makes the same image of %s",
    (_, entry) => {
      const sources = sourcesOf(entry);
      const ours = assemble(sources, { origin: GUEST_ORIGIN }).bytes;
      const gnu = gnuAssemble(sources.map(({ text }) => text).join("\n"), GUEST_ORIGIN);
      expect(Buffer.from(ours).equals(Buffer.from(gnu))).toBe(true);
    },
  );

  it("chooses branch lengths alike", () => {
    const gap = (bytes: number): string => `.skip ${bytes}, 0x90`;
    const source = [
      "a:",
      "jz b",
      gap(125),
      "jmp a",
      "b:",
      "jmp c",
      gap(127),
      "c: jnz b",
      gap(128),
      "call a",
      "jmp c",
      "loop e",
      gap(127),
      "e:",
    ];
    const gnu = gnuAssemble(source.join("\n"), ORIGIN);
    expect(bytesOf(source.join("\n"))).toBe(Buffer.from(gnu).toString("hex"));
  });
});

describe("what is assembled", () => {
  it.each([
    ["mov rax, [rip + here]\nhere: .quad here", "488b0500000000" + "0700100000000000"],
    ["mov eax, offset here\nhere:", "b805001000"],
    ["lea rsi, [here]\nhere:", "488d342508001000"],
    [".set SIZE, 4 * 8\nmov eax, SIZE - 1\nN = 3\n.byte N", "b81f00000003"],
    [".word end - start - 1\nstart: .byte 1, 2, 3\nend:", "0200010203"],
    [".byte 'a', '#', ';' # a comment; with \"marks\"", "61233b"],
    ['.asciz "a#b;\\n"; .ascii "//"', "6123623b0a002f2f"],
    ["nop; nop // twice", "9090"],
    ["jmp . ; jmp $", "ebfeebfe"],
    [".balign 4, 0\nnop\n.balign 4, 0xcc\nnop", "90cccccc90"],
    [".fill 3, 2, 0x1234", "341234123412"],
    [".code32\ninc eax\n.code64\ninc eax", "40ffc0"],
    ["LABEL: .Lother:\njmp LABEL", "ebfe"],
  ])("%s", (source, hex) => {
    expect(bytesOf(source)).toBe(hex);
  });

  it("is the same every time", () => {
    const sources = sourcesOf(assembledGuests[0]);
    expect(assemble(sources, { origin: ORIGIN })).toEqual(assemble(sources, { origin: ORIGIN }));
  });
});

describe("the listing", () => {
  const sources = [
    { name: "one.s", text: "# nothing\nstart: nop; hlt\n\n  .quad 1 # data" },
    { name: "two.s", text: ".set N, 7\nmov eax, N\nend:" },
  ];
  const { listing, symbols, bytes } = assemble(sources, { origin: ORIGIN });

  it("gives each run of bytes its file and line", () => {
    expect(
      listing.map(({ address, length, file, line, kind }) => [address - ORIGIN, length, file, line, kind]),
    ).toEqual([
      [0, 1, 0, 2, "code"],
      [1, 1, 0, 2, "code"],
      [2, 8, 0, 4, "data"],
      [10, 5, 1, 2, "code"],
    ]);
  });

  it("covers every byte once", () => {
    expect(listing.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length);
  });

  it("has labels and constants", () => {
    expect(symbols).toEqual({ start: ORIGIN, end: ORIGIN + 15, N: 7 });
  });
});

describe("errors", () => {
  it.each([
    ["nop\nmov eax, nowhere", 2, '"nowhere" is not defined'],
    ["fsin", 1, 'unknown instruction "fsin"'],
    ["mov [rax], 5", 1, "size of the memory operand"],
    ["movzx eax, [rax]", 1, "size of the memory operand"],
    ["inc [rax]", 1, "size of the memory operand"],
    ["mov rax, bl", 1, "mov does not take (rax, bl) in 64-bit mode"],
    ["mov al, 256", 1, "mov does not take (al, immediate 0x100)"],
    ["mov ah, sil", 1, "ah cannot be used"],
    ["mov eax, label\nlabel:", 1, 'write "offset label"'],
    [".code32\nmov rax, 1", 2, "need .code64"],
    [".code32\ncdqe", 2, "need .code64"],
    [".code32\nmov r8d, 1", 2, "need .code64"],
    ["push es", 1, "64-bit mode"],
    ["a: nop\na: nop", 2, '"a" is already defined'],
    ["mov eax, N\n.set N, 1", 1, "used before its definition"],
    ["loop far\n.skip 200\nfar:", 1, "out of reach"],
    ["mov rax, [rax + rbx + rcx]", 1, "too many registers"],
    ["mov rax, [rax + rsp * 2]", 1, "rsp cannot be an index"],
    ["mov rax, [rax + rcx * 3]", 1, "scaled by 1, 2, 4 or 8"],
    ["mov rax, [rax + ecx]", 1, "differ in size"],
    [".byte 256", 1, "0x100 does not fit 1 byte"],
    [".ascii 5", 1, "expected a string"],
    ['.ascii "open', 1, "closing quote is missing"],
    [".macro x", 1, 'unknown directive ".macro"'],
    [".balign 3", 1, "not a power of two"],
    [".skip 1 << 40", 1, "cannot leave"],
    ["1: jmp 1b", 1, ""],
    ["rax: nop", 1, '"rax" is a register'],
    ["nop nop", 1, ""],
    ["mov eax, 1/0", 1, "division by zero"],
    ["mov eax, 5 5", 1, '"5" cannot stand here'],
    ["lock", 1, "stands before an instruction"],
    ["mov eax, §", 1, '"§" is neither'],
  ])("%s", (source, line, reason) => {
    const error = failure(source);
    expect(error.line).toBe(line);
    expect(error.reason).toContain(reason);
    expect(error.message).toContain(source.split("\n")[line - 1].trim());
  });

  it("name the file", () => {
    const sources = [
      { name: "good.s", text: "nop\n" },
      { name: "bad.s", text: "nop\n\n bad rax" },
    ];
    expect(() => assemble(sources, { origin: 0 })).toThrow(/^bad\.s:3: unknown instruction "bad"/);
  });

  it("end a size that depends on itself", () => {
    expect(() => assemble("a: .skip (b - a) + 1\nb:", { origin: 0 })).toThrow(AssemblyError);
  });
});
