/** Random kernel code leaves the same registers, flags and memory natively and under binary translation, at every checkpoint. */
import { expect, it } from "vitest";
import { Session } from "../../../src/experiments/session.js";
import type { CpuMode } from "../../../src/experiments/view.js";
import { core, decoder, guest } from "../../experiments/guest.js";

const REGISTERS = ["rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12"];
const SHORT: Readonly<Record<string, string>> = {
  rax: "al",
  rcx: "cl",
  rdx: "dl",
  rbx: "bl",
  r8: "r8b",
  r9: "r9b",
};
const SCRATCH = 0x40_0000;
const LOG = 0x50_0000;
const LOG_BYTES = 0x1_0000;

/** A generator of numbers below `n`. */
function random(seed: number): (n: number) => number {
  let x = seed * 2_654_435_761 + 1;
  return (n) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return (x >>> 8) % n;
  };
}

/** One instruction or a few; RBP holds the scratch area, R15 the log, R14 and R13 are spare. */
function piece(pick: (n: number) => number, label: string): string {
  const one = <T>(from: readonly T[]): T => from[pick(from.length)]!;
  const register = (): string => one(REGISTERS);
  const byte = (): string => SHORT[one(Object.keys(SHORT))]!;
  const memory = (): string => one([`[rbp + ${pick(120) * 8}]`, `[rip + data]`, `[rbp + ${pick(900)}]`]);
  const forms: (() => string)[] = [
    () =>
      `${one(["add", "sub", "adc", "sbb", "and", "or", "xor", "cmp", "mov"])} ${register()}, ${register()}`,
    () => `${one(["add", "sub", "xor", "or", "and", "cmp"])} ${register()}, ${pick(100_000)}`,
    () => `${one(["add", "sub", "adc", "mov", "xor", "xchg"])} ${memory()}, ${register()}`,
    () => `${one(["add", "sbb", "mov", "imul"])} ${register()}, ${memory()}`,
    () => `${one(["shl", "shr", "sar", "rol", "ror"])} ${register()}, ${pick(63)}`,
    () => `${one(["inc", "dec", "neg", "not"])} ${register()}`,
    () => `set${one(["c", "z", "s", "o", "a", "le", "p"])} ${byte()}`,
    () => `cmov${one(["c", "nz", "s", "g"])} ${register()}, ${register()}`,
    () => `lea ${register()}, [${register()} + ${register()} * 4 + ${pick(1000)}]`,
    () => `push ${register()}\npop ${register()}`,
    () => one(["cli", "sti\nnop", "cld", "std\ncld", "clc", "stc", "cmc"]),
    () => `pushfq\npop ${register()}`,
    () =>
      `pushfq\nxor qword ptr [rsp], ${one([0x1, 0x40, 0x80, 0x200, 0x800, 0x3000, 0x200 | 0x800])}\npopfq`,
    () => `mov ${register()}, ${one(["cr0", "cr3", "cr4", "cr8"])}`,
    () => `mov ${one(["eax", "ebx", "ecx"])}, ${one(["cs", "ss", "ds"])}`,
    () =>
      `${one(["jc", "jz", "js", "jo", "jbe", "jg", "jp"])} ${label}\nadd ${register()}, 13\n${label}: nop`,
    () => `call ${label}\njmp ${label}e\n${label}: inc ${register()}\nret\n${label}e: nop`,
    () =>
      `lea r14, [rip + ${label}]\n${one(["jmp r14", "call r14\npop r14"])}\ninc rax\n${label}: nop`.replace(
        "call r14\npop r14\ninc rax",
        "call r14",
      ),
    () => `mov r14d, ${1 + pick(4)}\n${label}: add ${one(["rax", "rbx", "rdx"])}, r14\ndec r14\njnz ${label}`,
    () => `smsw ${one(["eax", "ebx"])}\nsldt ecx\nstr edx`,
    () => `mov r14d, 8\nlsl ${one(["eax", "ebx"])}, r14d`,
    () => `ud2`,
    () => `xor r14d, r14d\ndiv r14`,
    () => `int 6`,
    () => `bswap ${register()}\nmovzx ${one(["eax", "ecx"])}, ${one(["bl", "dl"])}`,
  ];
  return one(forms)();
}

function program(seed: number): string {
  const pick = random(seed);
  const lines: string[] = [];
  for (let i = 0; i < 120; i++) {
    const text = piece(pick, `l${i}`);
    const skip = text === "ud2" ? 2 : text.endsWith("div r14") ? 3 : text === "int 6" ? 0 : -1;
    if (skip >= 0) lines.push(`mov r13d, ${skip}`);
    lines.push(text);
    if (i % 4 === 3) lines.push("call checkpoint");
  }
  const store = [...REGISTERS, "rsp"].map((name, i) => `mov [r15 + ${8 * i}], ${name}`).join("\n");
  return `
    .set IDT, 0x3f0000
    main:
    mov edi, IDT
    mov ecx, 32
    mov eax, offset handler
    fill: mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], 0x8e00
    mov edx, eax
    shr edx, 16
    mov [rdi + 6], dx
    mov dword ptr [rdi + 8], 0
    add rdi, 16
    dec ecx
    jnz fill
    lidt [rip + idt_pointer]
    mov rbp, ${SCRATCH}
    mov r15, ${LOG}
    ${REGISTERS.map((name, i) => `mov ${name}, ${(i + 1) * 0x1357_9bdf}`).join("\n")}
    ${lines.join("\n")}
    jmp finish
    data: .quad 0x0123456789abcdef
    idt_pointer: .word 511
    .quad IDT
    handler: add [rsp], r13
    add qword ptr [rbp + 1000], 1
    iretq
    checkpoint: pushfq
    ${store}
    pop qword ptr [r15 + 96]
    push qword ptr [r15 + 96]
    add r15, 104
    popfq
    ret
    finish: mov al, 7
    out 0xf4, al
    hlt`;
}

function outcome(source: string, cpuMode: CpuMode) {
  const session = Session.create({
    core,
    decoder,
    image: guest(source),
    name: "lockstep",
    cpuMode,
    ramBytes: 16 << 20,
    maxInstructions: 500_000,
    trace: false,
  });
  session.run();
  const base = cpuMode === "native" ? 0 : 4 << 20;
  const { memory } = session.machine;
  return {
    ending: session.ending?.kind,
    log: Buffer.from(memory.read(base + LOG, LOG_BYTES)).toString("hex"),
    scratch: Buffer.from(memory.read(base + SCRATCH, 1100)).toString("hex"),
  };
}

it.each(Array.from({ length: 30 }, (_, i) => 1 + i * 7919))("seed %i", (seed) => {
  const source = program(seed);
  const native = outcome(source, "native");
  expect(native.ending).toBe("debug-exit");
  expect(outcome(source, "bt")).toEqual(native);
});
