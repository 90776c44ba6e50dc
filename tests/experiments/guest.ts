import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadAssembler } from "../../src/guests/assemble.js";
import { GUEST_ORIGIN } from "../../src/guests/catalogue.js";

const file = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
const LIBRARY = ["multiboot", "long-mode", "console", "power"].map((name) => ({
  name,
  text: readFileSync(file(`guests/lib/${name}.s`), "utf8"),
}));

const assemble = await loadAssembler();

/** The processor, compiled. */
export const core = new WebAssembly.Module(readFileSync(file("cpu/build/cpu.wasm")));

/** The decoder of binary translation. */
export const decoder = new WebAssembly.Module(
  readFileSync(fileURLToPath(new URL("../../node_modules/iced-x86/iced_x86_bg.wasm", import.meta.url))),
);

/** Image of a built-in guest. */
export function builtIn(name: string): Uint8Array {
  return builtImage(`${name}.bin`);
}
/** The same by the name of its file. */
export function builtImage(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(file(`guests/build/${name}`)));
}

/** A guest from assembly source: `main` runs in 64-bit mode with the library of the built-in guests. */
export function guest(main: string): Uint8Array {
  return assemble([...LIBRARY, { name: "main", text: `.code64\n${main}\n` }], { origin: GUEST_ORIGIN }).bytes;
}

/** Ends the run with 2 × AL + 1. */
export const DEBUG_EXIT = "out 0xf4, al";

/** 64-bit code that puts an interrupt gate of ring 0 into the IDT, and loads IDTR; {@link IDT_POINTER} goes behind the code. */
export const gate = (vector: number, handler = "handler"): string => `
  mov rdi, IDT + ${vector} * 16
  mov eax, offset ${handler}
  mov [rdi], ax
  mov word ptr [rdi + 2], KERNEL_CODE
  mov word ptr [rdi + 4], 0x8e00
  shr eax, 16
  mov [rdi + 6], ax
  mov dword ptr [rdi + 8], 0
  lidt [idt_pointer]
`;
/** What LIDT loads: room for 48 vectors. */
export const IDT_POINTER = `
  idt_pointer:
    .word 16 * 48 - 1
    .quad IDT
`;
