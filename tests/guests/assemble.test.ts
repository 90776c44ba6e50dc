import { describe, expect, it } from "vitest";
import { AssemblyError, type AssemblySource } from "../../src/guests/assemble.js";
import { GUEST_ORIGIN } from "../../src/guests/catalogue.js";
import { disassemble } from "./disassemble.js";
import { FORMS_16, FORMS_32, FORMS_64 } from "./instruction-forms.js";
import { assemble, assembledBuilds, assembledGuests, gnuAssemble, have, sourcesOf } from "./support.js";

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

/** What keystone refuses by itself; far `jmp` and `sysexitq` have no other spelling than `.byte`. */
const UNKNOWN = ["sysexitq", "mov eax, -(2 + 3) * 4", "rep movsd", "jmp 0x8:0x100010"];
/** Encoded with an operand-size prefix that changes nothing. */
const LONGER = ["mov ds, ax"];

/** Forms that are neither encoded as GNU `as` does nor refused because keystone would encode them wrong. */
function differences(forms: readonly string[], mode: string): string[] {
  const gnu = gnuAssemble([mode, ...forms.map((line) => `${line}\n.balign 16, 0xcc`)].join("\n"), ORIGIN);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return forms.flatMap((line, i) => {
    const theirs = hex(gnu.subarray(16 * i, 16 * i + 16));
    try {
      const ours = hex(assemble(`${mode}\n${line}\n.balign 16, 0xcc`, { origin: ORIGIN }).bytes);
      return ours === theirs || LONGER.includes(line) ? [] : [`${line}: ${ours}, GNU ${theirs}`];
    } catch (error) {
      if (!(error instanceof AssemblyError)) throw error;
      const known = error.reason.startsWith("keystone ") || UNKNOWN.includes(line);
      return known ? [] : [`${line}: ${error.reason}`];
    }
  });
}

describe.skipIf(!have("as"))("against GNU as", () => {
  it("encodes 64-bit instructions alike, or refuses them", { timeout: 120_000 }, () => {
    expect(FORMS_64.length).toBeGreaterThan(5000);
    expect(differences(FORMS_64, ".code64")).toEqual([]);
  });

  it("encodes 32-bit instructions alike, or refuses them", () => {
    expect(FORMS_32.length).toBeGreaterThan(80);
    expect(differences(FORMS_32, ".code32")).toEqual([]);
  });

  it("encodes 16-bit instructions alike, or refuses them", () => {
    expect(differences(FORMS_16, ".code16")).toEqual([]);
    const calls = "next: call next\ncall after\nafter: ret";
    const gnu = Buffer.from(gnuAssemble(`.code16\n${calls}`, ORIGIN)).toString("hex");
    expect(bytesOf(`.code16\n${calls}`)).toBe(gnu);
    expect(failure(".code16\npush 0x40").reason).toMatch(/stack by 32 bits/);
    expect(failure(".code16\ncall [bx]").reason).toMatch(/stack by 32 bits/);
  });

  it.each(assembledBuilds.map((entry) => [entry.name, entry] as const))(
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
    [".set N, 8\nmov rsp, gs:[N]", "65488b242508000000"],
    [".set A, 0x1000\n.set B, 4\nmov dword ptr [A + B], -B", "c7042504100000fcffffff"],
    [".set A, 8\nmov eax, [rbx + A - 1]", "8b4307"],
    [".set SIZE, 4 * 8\nmov eax, SIZE - 1\nN = 3\n.byte N", "b81f00000003"],
    [".word end - start - 1\nstart: .byte 1, 2, 3\nend:", "0200010203"],
    [".byte 'a', '#', ';' # a comment; with \"marks\"", "61233b"],
    ['.asciz "a#b;\\n"; .ascii "//"', "6123623b0a002f2f"],
    ["nop; nop // twice", "9090"],
    ["jmp . ; jmp .", "ebfeebfe"],
    [".balign 4, 0\nnop\n.balign 4, 0xcc\nnop", "90cccccc90"],
    [".skip 2 * 2 - 1, 0x90", "909090"],
    [".code32\ninc eax\n.code64\ninc eax", "40ffc0"],
    ["LABEL: .Lother:\njmp LABEL", "ebfe"],
    [".set A, 1\n.ifdef A\nnop\n.else\nhlt\n.endif", "90"],
    [".ifdef A\nnop\n.ifdef B\n.set A, 1\n.endif\n.else\nhlt\n.endif\n.ifndef A\ncli\n.endif", "f4fa"],
    [".macro TWICE\n nop\n hlt\n.endm\nTWICE; TWICE", "90f490f4"],
    ["A = 1\n.ifndef A\n.macro GO\nnop\n.endm\n.else\n.macro GO\nhlt\n.endm\n.endif\nGO", "f4"],
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
    ["nop\nmov eax, nowhere", 2, "cannot find a symbol"],
    ["jmp later\n.set N, nowhere\nlater:", 2, "cannot find a symbol"],
    [".quad later, nowhere\nlater:", 1, "cannot find a symbol"],
    ["blah", 1, "invalid mnemonic"],
    ["nop\n.code32\nmov rax, 1", 3, "invalid operand"],
    ["mov [rax], 5", 1, "invalid operand"],
    ["inc [rax]", 1, "invalid operand"],
    ["mov rax, bl", 1, "invalid operand"],
    ["mov eax, 5 5", 1, "invalid operand"],
    ["mov rax, [rax + rcx * 3]", 1, "invalid operand"],
    ["push es", 1, "missing CPU feature"],
    ["a: nop\na: nop", 2, "symbol redefined"],
    [".byte 256", 1, "out of range"],
    ["nop\n.word 1, 70000\nnop", 2, "does not fit .word"],
    [".balign 3\nnop", 1, "not a power of two"],
    [".skip -1\nnop", 1, "cannot leave -1 bytes"],
    ["a: .skip (b - a) + 1\nb:", 1, "cannot leave"],
    [".set N", 1, 'write ".set NAME, value"'],
    [".byte", 1, ".byte of what?"],
    ["nop\n.macro x\nnop", 2, '".macro x" is never closed'],
    [".macro x y", 1, 'unknown directive ".macro"'],
    [".macro x\nnop\nblah\n.endm\nnop\nx", 6, "invalid mnemonic"],
    [".ifdef A\nnop", 1, '".ifdef A" is never closed'],
    ["nop\n.else", 2, ".else closes no .ifdef"],
    ["nop\n.endif", 2, ".endif closes no .ifdef"],
    [".if A", 1, 'unknown directive ".if"'],
    ['.incbin "x"', 1, 'unknown directive ".incbin"'],
    ['.ascii "open', 1, "closing quote is missing"],
    ["lea rax, [", 1, '"[" is never closed'],
    ["mov eax, (1))", 1, '")" closes nothing'],
    ["((((", 1, '"(" is never closed'],
    ["1: jmp 1b", 1, '"1:" begins no statement'],
    ["$", 1, '"$" begins no statement'],
    ["jmp $", 1, "makes no bytes of it"],
  ])("%s", (source, line, reason) => {
    const error = failure(source);
    expect(error.line).toBe(line);
    expect(error.reason).toContain(reason);
    expect(error.message).toContain(source.split("\n")[line - 1].trim());
  });

  it.each([
    ["mov rax, [rcx + rsp]", "[rsp + …]"],
    ["mov rsp, qword ptr gs:8", "segment:[address]"],
    ["mov rax, [rip + b - a]\na: nop\nb:", "one of several labels"],
    ["mov eax, label\nlabel:", 'write "offset label"'],
    ["push label\nlabel:", 'write "offset label"'],
    ["mov eax, 1 + offset label\nlabel:", "must stand first"],
    [".code32\nlgdt [eax]", "24 bits"],
    [".code32\npush ds", "16 bits"],
    ["pushf", "add q"],
    ["sysret", "add q"],
    ["mov ah, sil", "REX"],
  ])("are made of what keystone would encode wrong: %s", (source, reason) => {
    expect(failure(source).reason).toContain(reason);
  });

  it("name the file", () => {
    const sources = [
      { name: "good.s", text: "nop\n" },
      { name: "bad.s", text: "nop\n\n bad rax" },
    ];
    expect(() => assemble(sources, { origin: 0 })).toThrow(/^bad\.s:3: invalid mnemonic/);
  });

  it("name each line of a guest that could be wrong, and leave the assembler in order", () => {
    const sources = sourcesOf(assembledGuests[0]);
    const whole = assemble(sources, { origin: GUEST_ORIGIN });
    for (let file = 0; file < sources.length; file++) {
      const lines = sources[file].text.split("\n");
      const assembled = whole.listing.filter((entry) => entry.file === file);
      const middle = assembled[assembled.length >> 1].line;
      const text = lines.toSpliced(middle, 0, "    mov rax, bl").join("\n");
      const error = (() => {
        try {
          return assemble(sources.with(file, { name: sources[file].name, text }), { origin: GUEST_ORIGIN });
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toMatchObject({ file: sources[file].name, line: middle + 1, reason: "invalid operand" });
    }
    expect(assemble(sources, { origin: GUEST_ORIGIN })).toEqual(whole);
  });
});

/** The decoder's word for what the sources call otherwise. */
const SYNONYMS: Record<string, string> = { je: "jz", jne: "jnz", jae: "jnc", ret: "retf" };

/** A multiboot image is 32-bit code up to where it enters long mode, if it does. */
function bitsAt(address: number, { multiboot_header, start, long_mode }: Record<string, number>): 32 | 64 {
  if (multiboot_header === undefined) return 64;
  if (long_mode === undefined) return 32;
  return address >= start && address < long_mode ? 32 : 64;
}

/** What a line that uses a macro stands for, in any build. */
function macroBody(sources: readonly AssemblySource[], line: string): string | null {
  const bodies = sources.flatMap(({ text }) => [...text.matchAll(/\.macro (\w+)\n([^]*?)\.endm/g)]);
  const used = bodies.filter(([, name]) => name === line.trim().split(/\s/)[0]);
  return used.length === 0 ? null : used.map(([, , body]) => body).join("\n");
}

describe("an independent decoder", () => {
  it.each(assembledBuilds.map((entry) => [entry.name, entry] as const))(
    "reads every instruction of %s as it is written",
    (_, entry) => {
      const sources = sourcesOf(entry);
      const { bytes, listing, symbols } = assemble(sources, { origin: GUEST_ORIGIN });
      const wrong = listing.flatMap(({ address, length, file, line, kind }) => {
        if (kind === "data") return [];
        const read = disassemble(bitsAt(address, symbols), bytes.subarray(address - GUEST_ORIGIN), address);
        const [mnemonic] = read.text.split(" ");
        const written = sources[file].text.split("\n")[line - 1];
        const words = (macroBody(sources, written) ?? written).split(/[^\w]+/);
        const named = words.includes(mnemonic) || words.includes(SYNONYMS[mnemonic]);
        return named && read.length === length
          ? []
          : [`${words.join(" ")}: ${read.text}, ${read.length} bytes`];
      });
      expect(wrong).toEqual([]);
    },
  );

  it("reads the instructions of the library that are written as bytes", () => {
    const sources = sourcesOf(assembledGuests[0]);
    const { bytes, listing, symbols } = assemble(sources, { origin: GUEST_ORIGIN });
    const hex = (address: number): string => `${address.toString(16).toUpperCase()}h`;
    const readAt = (comment: string): string => {
      const entry = listing.find(({ file, line }) =>
        sources[file].text.split("\n")[line - 1].includes(`# ${comment}`),
      );
      if (entry === undefined) throw new Error(`no line says ${comment}`);
      return disassemble(32, bytes.subarray(entry.address - GUEST_ORIGIN), entry.address).text;
    };
    expect(readAt("lgdt")).toBe(`lgdt [${hex(symbols.gdt_pointer)}]`);
    expect(readAt("jmp KERNEL_CODE")).toBe(`jmp far 00${hex(symbols.long_mode)},8`);
  });
});
