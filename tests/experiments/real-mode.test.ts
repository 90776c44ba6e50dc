/**
 * Real-address mode under a hypervisor whose processor has protection on in every guest: what the hypervisor interprets comes to
 * the same end as on the bare machine, interrupts and the way to protected mode and back included.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { core } from "./guest.js";

const BYTES = 512;

/** A boot sector at 7C00H of machine code given in bytes, with what it is beside them. */
function bootSector(code: readonly (readonly [bytes: string, what: string])[]): Uint8Array {
  const image = new Uint8Array(BYTES);
  image.set(code.flatMap(([bytes]) => bytes.split(" ").map((byte) => parseInt(byte, 16))));
  image.set([0x55, 0xaa], BYTES - 2);
  return image;
}

function run(image: Uint8Array, cpuMode: CpuMode, memoryMode?: MemoryMode) {
  const session = Session.create({
    core,
    image,
    name: "boot",
    cpuMode,
    memoryMode,
    ramBytes: 4 << 20,
    maxInstructions: 1e6,
  });
  session.run();
  const { ending, registers, segments } = session.view();
  const value = (name: string): bigint => registers.find((register) => register.name === name)!.value;
  return {
    ending: { kind: ending?.kind, status: ending?.status },
    registers: ["RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RIP"].map(value),
    selectors: segments.map(({ selector }) => selector),
  };
}

/** AL to the debug-exit port. */
const END = ["e6 f4", "out f4, al"] as const;

const PROGRAMS: Record<string, readonly (readonly [string, string])[]> = {
  "arithmetic and a stack": [
    ["fa", "cli"],
    ["31 c0", "xor ax, ax"],
    ["8e d0", "mov ss, ax"],
    ["bc 00 7c", "mov sp, 7c00"],
    ["b8 34 12", "mov ax, 1234"],
    ["50", "push ax"],
    ["5b", "pop bx"],
    ["b9 05 00", "mov cx, 5"],
    ["01 cb", "add bx, cx"],
    ["e2 fc", "loop −4"],
    ["88 d8", "mov al, bl"],
    END,
  ],
  "a software interrupt through the vector table": [
    ["31 c0", "xor ax, ax"],
    ["8e d8", "mov ds, ax"],
    ["8e d0", "mov ss, ax"],
    ["bc 00 7c", "mov sp, 7c00"],
    ["c7 06 84 00 1a 7c", "mov word [84], 7c1a"],
    ["c7 06 86 00 00 00", "mov word [86], 0"],
    ["cd 21", "int 21"],
    END,
    ["90", "nop"],
    ["b0 2a", "at 7c1a: mov al, 2a"],
    ["cf", "iret"],
  ],
  "an exception through the vector table": [
    ["31 c0", "xor ax, ax"],
    ["8e d8", "mov ds, ax"],
    ["8e d0", "mov ss, ax"],
    ["bc 00 7c", "mov sp, 7c00"],
    ["c7 06 00 00 1a 7c", "mov word [0], 7c1a"],
    ["c7 06 02 00 00 00", "mov word [2], 0"],
    ["f7 f0", "div ax"],
    ["90 90 90", "nop"],
    ["5b", "at 7c1a: pop bx"],
    ["b0 11", "mov al, 11"],
    END,
  ],
  "a timer interrupt after STI and HLT": [
    ["fa", "cli"],
    ["31 c0", "xor ax, ax"],
    ["8e d8", "mov ds, ax"],
    ["8e d0", "mov ss, ax"],
    ["bc 00 7c", "mov sp, 7c00"],
    ["c7 06 20 00 39 7c", "mov word [20], 7c39: IRQ 0 at vector 8"],
    ["c7 06 22 00 00 00", "mov word [22], 0"],
    ["b0 11", "mov al, 11"],
    ["e6 20", "out 20, al"],
    ["b0 08", "mov al, 8"],
    ["e6 21", "out 21, al"],
    ["b0 04", "mov al, 4"],
    ["e6 21", "out 21, al"],
    ["b0 01", "mov al, 1"],
    ["e6 21", "out 21, al"],
    ["b0 fe", "mov al, fe: IRQ 0 alone"],
    ["e6 21", "out 21, al"],
    ["b0 34", "mov al, 34"],
    ["e6 43", "out 43, al"],
    ["b0 00", "mov al, 0"],
    ["e6 40", "out 40, al"],
    ["e6 40", "out 40, al"],
    ["fb", "sti"],
    ["f4", "hlt"],
    ["b0 07", "mov al, 7"],
    ["f4", "never"],
    ["b0 63", "at 7c39: mov al, 63"],
    END,
  ],
  "protected mode and back": [
    ["fa", "cli"],
    ["31 c0", "xor ax, ax"],
    ["8e d8", "mov ds, ax"],
    ["0f 01 16 40 7c", "lgdt [7c40]"],
    ["66 0f 20 c0", "mov eax, cr0"],
    ["0c 01", "or al, 1"],
    ["66 0f 22 c0", "mov cr0, eax"],
    ["ea 1b 7c 08 00", "jmp 08:7c1b"],
    ["90 90", "nop"],
    ["b8 10 00", "at 7c1b, 16-bit code: mov ax, 10"],
    ["8e d8", "mov ds, ax"],
    ["8e d0", "mov ss, ax"],
    ["66 0f 20 c0", "mov eax, cr0"],
    ["24 fe", "and al, fe"],
    ["66 0f 22 c0", "mov cr0, eax"],
    ["ea 32 7c 00 00", "jmp 0:7c32"],
    ["90", "nop"],
    ["31 c0", "at 7c32: xor ax, ax"],
    ["8e d8", "mov ds, ax"],
    ["b0 55", "mov al, 55"],
    END,
    ["90 90 90 90 90 90", "nop"],
    ["17 00 48 7c 00 00", "at 7c40: limit, base of the table"],
    ["90 90", "nop"],
    ["00 00 00 00 00 00 00 00", "at 7c48: null"],
    ["ff ff 00 00 00 9a 00 00", "code, 16 bits"],
    ["ff ff 00 00 00 92 00 00", "data"],
  ],
};

describe("real-address mode under shadow paging", () => {
  it.each(Object.keys(PROGRAMS))("%s", (name) => {
    const image = bootSector(PROGRAMS[name]!);
    const native = run(image, "native");
    expect(native.ending.kind).toBe("debug-exit");
    expect(run(image, "vtx", "nested")).toEqual(native);
    expect(run(image, "vtx", "shadow")).toEqual(native);
  });
});
