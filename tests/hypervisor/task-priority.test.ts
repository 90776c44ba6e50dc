/** MOV to CR8 holds interrupts back and lets them in, whoever carries it out. */
import { expect, it } from "vitest";
import { Session, type SessionOptions } from "../../src/experiments/session.js";
import { CONTROL_REGISTER_ACCESS, TPR_BELOW_THRESHOLD } from "../../src/spec/exit-reasons.js";
import { core, decoder, gate, guest, IDT_POINTER } from "../experiments/guest.js";

/** Vector 0x22 is raised at priority 4, which is above it; RBX counts, RSI is what it was before CR8 fell to 1. */
const IMAGE = guest(`
main: mov dword ptr [PDPT + 24], 0x300000 | PAGE_UPPER
    mov eax, 0xfee00083
    mov [0x300000 + 503 * 8], rax
    ${gate(0x22)}
    mov ebp, 0xfee00000
    mov dword ptr [rbp + 0xf0], 0x1ff
    xor ebx, ebx
    mov eax, 4
    mov cr8, rax
    sti
    mov dword ptr [rbp + 0x300], 0x40022
    nop
    mov esi, ebx
    mov eax, 5
    mov cr8, rax
    nop
    add esi, ebx
    mov rdi, cr8
    mov eax, 1
    mov cr8, rax
    nop
    cli
    mov r8, cr8
    mov dword ptr [rbp + 0x80], 0x70
    mov r9, cr8
    mov al, 7
    out 0xf4, al
    hlt
handler: inc ebx
    mov dword ptr [rbp + 0xb0], 0
    iretq
${IDT_POINTER}`);

const MODES: readonly (readonly [string, Partial<SessionOptions>, number | null, number])[] = [
  ["natively", { cpuMode: "native" }, 0, 0],
  ["under VT-x, by exits", { cpuMode: "vtx" }, 6, 0],
  ["under VT-x, with the TPR shadow", { cpuMode: "vtx", parts: { taskPriority: "shadow" } }, 0, 1],
  [
    "so too on shadow page tables, where CR3 exits",
    { cpuMode: "vtx", memoryMode: "shadow", parts: { taskPriority: "shadow" } },
    null,
    1,
  ],
  ["by binary translation", { cpuMode: "bt", decoder }, 0, 0],
];

it.each(MODES)("%s", (_, options, registerExits, priorityExits) => {
  const session = Session.create({ core, image: IMAGE, name: "priority", cpuMode: "native", ...options });
  session.run();
  const { ending, registers, exits } = session.view();
  expect(ending).toMatchObject({ kind: "debug-exit", status: 15 });
  const value = (name: string): bigint | undefined =>
    registers.find((register) => register.name.toLowerCase() === name)?.value;
  expect(["rbx", "rsi", "rdi", "r8", "r9"].map(value)).toEqual([1n, 0n, 5n, 1n, 7n]);
  const count = (reason: number): number => exits.find((exit) => exit.reason === reason)?.count ?? 0;
  if (registerExits !== null) expect(count(CONTROL_REGISTER_ACCESS)).toBe(registerExits);
  expect(count(TPR_BELOW_THRESHOLD)).toBe(priorityExits);
});
