/**
 * A boot sector that nobody here loads by hand: the firmware's services, a second sector read from the disk, the way to
 * protected mode.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { loadAssembler } from "../../src/guests/assemble.js";
import { core } from "./guest.js";

const assemble = await loadAssembler();
const SECTOR = 512;

/** A disk whose first sector is this program, at 7C00, and whose others follow it in the source. */
function disk(source: string): Uint8Array {
  const { bytes } = assemble(`.code16\n${source}`, { origin: 0x7c00 });
  const padded = new Uint8Array(Math.max(2, Math.ceil(bytes.length / SECTOR)) * SECTOR);
  padded.set(bytes);
  padded.set([0x55, 0xaa], 510);
  return padded;
}

function run(image: Uint8Array, cpuMode: CpuMode, input = ""): { console: string; status: unknown } {
  const options = { core, image, name: "disk", cpuMode, ramBytes: 8 << 20, maxInstructions: 3_000_000 };
  const session = Session.create(options);
  if (input !== "") session.type(new TextEncoder().encode(input));
  session.run();
  return { console: new TextDecoder().decode(session.consoleBytes), status: session.ending };
}

const exits = (value: number): object => ({ kind: "debug-exit", status: 2 * value + 1 });
const PRINT = `
print:
  mov ah, 0x0e
  lodsb
  test al, al
  jz print_end
  int 0x10
  jmp print
print_end:
  ret
`;

/** Reads sector 2 to 7E00 with CHS and sector 3 to 8000 with a packet, prints from both, and goes to protected mode. */
const TWO_SECTORS = `
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov [drive], dl
  mov si, offset first
  call print
  mov ax, 0x0201
  mov bx, 0x7e00
  mov cx, 2
  mov dh, 0
  int 0x13
  jc failed
  mov si, 0x7e00
  call print
  mov si, offset packet
  mov ah, 0x42
  mov dl, [drive]
  int 0x13
  jc failed
  mov si, 0x8000
  call print
  cli
  .byte 0x0f, 0x01, 0x16
  .word gdt_pointer
  mov eax, cr0
  or al, 1
  mov cr0, eax
  .byte 0xea
  .word protected, 8
failed:
  mov al, 1
  out 0xf4, al
${PRINT}
.code32
protected:
  mov eax, 16
  mov ds, eax
  mov byte ptr [0x200000], 0x15
  mov al, [0x200000]
  out 0xf4, al
.code16
drive: .byte 0
first: .asciz "one "
packet: .word 16, 1, 0x8000, 0
  .quad 2
  .balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer: .word 23
  .long gdt
  .balign 512
  .asciz "two "
  .balign 512
  .asciz "three"
`;

/** AX of one service after another on the stack, then out as bytes. */
const service = (name: string, set: string, result: string): [string, string] => [
  name,
  `xor ax, ax
   mov ds, ax
   mov es, ax
   ${set}
   ${result}
   out 0xf4, al`,
];

describe.each(["native", "vtx"] as const)("a boot sector (%s)", (cpuMode) => {
  it("loads more of its disk, prints, and enters protected mode", () => {
    const { console, status } = run(disk(TWO_SECTORS), cpuMode);
    expect(console).toBe("one two three");
    expect(status).toMatchObject(exits(0x15));
  });
  it.each([
    service("12H: conventional memory", "int 0x12\nshr ax, 4", "nop"),
    service("15H, 88H: extended memory, without the disk", "mov ah, 0x88\nint 0x15\nshr ax, 8", "nop"),
  ])("%s", (name, source) => {
    expect(run(disk(source), cpuMode).status).toMatchObject(exits(name.startsWith("12H") ? 39 : 27));
  });
  it("15H, E820H lists the memory map, to the end", () => {
    const source = `
      xor ebx, ebx
      mov es, bx
      mov di, 0x600
      xor bp, bp
    next:
      mov eax, 0xe820
      mov edx, 0x534d4150
      mov ecx, 20
      int 0x15
      jc done
      cmp eax, 0x534d4150
      jne done
      inc bp
      add di, cx
      test ebx, ebx
      jnz next
      mov ax, bp
      out 0xf4, al
    done:
      mov al, 99
      out 0xf4, al`;
    expect(run(disk(source), cpuMode).status).toMatchObject(exits(5));
  });
  it("13H refuses what is not on the disk, says its size, and writes", () => {
    const source = `
      xor ax, ax
      mov ds, ax
      mov es, ax
      mov ax, 0x0201
      mov bx, 0x8000
      mov cx, 9
      mov dx, 0x80
      int 0x13
      jnc bad
      cmp ah, 4
      jne bad
      mov ah, 0x15
      mov dl, 0x80
      int 0x13
      jc bad
      cmp dx, 2
      jne bad
      mov byte ptr [0x8000], 0x2a
      mov ax, 0x0301
      mov bx, 0x8000
      mov cx, 2
      mov dx, 0x80
      int 0x13
      jc bad
      mov ax, 0x0201
      mov bx, 0x9000
      mov cx, 2
      mov dx, 0x80
      int 0x13
      mov al, [0x9000]
      out 0xf4, al
    bad:
      mov al, 1
      out 0xf4, al`;
    expect(run(disk(source), cpuMode).status).toMatchObject(exits(0x2a));
  });
  it("16H takes what is typed, 1AH counts ticks while the sector waits in HLT", () => {
    const source = `
      mov ah, 0
      int 0x1a
      mov bx, dx
      add bx, 2
    wait:
      hlt
      mov ah, 0
      int 0x1a
      cmp dx, bx
      jb wait
      mov ah, 1
      int 0x16
      jz wait
      mov ah, 0
      int 0x16
      out 0xf4, al`;
    expect(run(disk(source), cpuMode, "!").status).toMatchObject(exits(0x21));
  });
});
