/**
 * Each privileged instruction, and each of those that are sensitive though any program may execute them, leaves a guest's kernel
 * under binary translation where the bare processor would have left it: in 64-bit code and in 32-bit code, paged and not.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../../../src/experiments/session.js";
import type { CpuMode } from "../../../src/experiments/view.js";
import { core, decoder, guest } from "../../experiments/guest.js";

const RAM = 16 << 20;
const COMPARED = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 RIP RFLAGS CR0 CR2 CR3 CR4 CR8 EFER".split(
  " ",
);
const SEGMENTS = ["ES", "CS", "SS", "DS", "FS", "GS", "TR"];

/** What a guest can tell of its processor at its end, and the memory it may have written. */
function outcome(source: string, cpuMode: CpuMode) {
  const session = Session.create({
    core,
    decoder,
    image: guest(source),
    name: "sensitive",
    cpuMode,
    ramBytes: RAM,
    maxInstructions: 1e6,
    trace: false,
  });
  session.run();
  const { registers, segments, ending, console } = session.view();
  const guestBase = cpuMode === "native" ? 0 : 4 << 20;
  return {
    registers: registers
      .filter(({ name }) => COMPARED.includes(name))
      .map(({ name, value }) => [name, value]),
    selectors: segments
      .filter(({ name }) => SEGMENTS.includes(name))
      .map(({ name, selector }) => [name, selector]),
    scratch: Buffer.from(session.machine.memory.read(guestBase + 0x40_0000, 256)).toString("hex"),
    ending: { kind: ending?.kind, status: ending?.status },
    console,
  };
}

function same(source: string): void {
  const native = outcome(source, "native");
  expect(native.ending.kind).toBe("debug-exit");
  expect(outcome(source, "bt")).toEqual(native);
}

const END = "mov al, 7\nout 0xf4, al\nhlt";
/** Catches every exception: R15 counts them, R14 has the last vector, and the instruction is skipped by R13 bytes. */
const CATCHER = `
  mov edi, IDT
  mov ecx, 32
  mov eax, offset stubs
fill:
  mov [rdi], ax
  mov word ptr [rdi + 2], KERNEL_CODE
  mov word ptr [rdi + 4], 0x8e00
  mov edx, eax
  shr edx, 16
  mov [rdi + 6], dx
  mov dword ptr [rdi + 8], 0
  add rdi, 16
  add eax, 16
  dec ecx
  jnz fill
  lidt [rip + idt_pointer]
  xor r15d, r15d
  jmp body
idt_pointer:
  .word 32 * 16 - 1
  .quad IDT
  .balign 16
stubs:
${Array.from({ length: 32 }, (_, vector) => {
  const withCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
  return `${withCode ? "" : "push 0\n"}push ${vector}\njmp caught\n.balign 16`;
}).join("\n")}
caught:
  pop r14
  pop r12
  inc r15
  mov [0x400080], r14
  mov [0x400088], r12
  mov r12, [rsp]
  mov [0x400090], r12
  mov r12, [rsp + 8]
  mov [0x400098], r12
  mov r12, [rsp + 16]
  mov [0x4000a0], r12
  add [rsp], r13
  iretq
body:
`;

const long = (body: string): string =>
  `main:\n.set IDT, 0x3f0000\n${CATCHER}\n${body}\nmov r9, r15\nmov r10, r14\n${END}`;

describe("in 64-bit code", () => {
  it.each([
    ["CLI and STI show in PUSHF", "cli\npushfq\npop rbx\nsti\nnop\npushfq\npop rcx\ncli\npushfq\npop rdx"],
    [
      "POPF sets and clears IF",
      "pushfq\npop rax\nor eax, 0x200\npush rax\npopfq\nnop\npushfq\npop rbx\npush 2\npopfq\npushfq\npop rcx",
    ],
    [
      "POPF sets IOPL, DF, NT and AC",
      "push 0x47402\npopfq\npushfq\npop rbx\npush 0x3ed7\npopfq\npushfq\npop rcx\npush 2\npopfq\npushfq\npop rdx",
    ],
    [
      "PUSHFW and POPFW",
      "push 0x246\n.byte 0x66, 0x9c\nmov bx, [rsp]\n.byte 0x66, 0x9d\n.byte 0x66, 0x9d\npushfq\npop rcx\nadd rsp, 6",
    ],
    [
      "the arithmetic flags survive CLI, STI, PUSHF and a read of CR0",
      "mov eax, 5\nsub eax, 9\ncli\nsti\nnop\nmov rcx, cr0\npushfq\npop rbx\nsetc dl\nsets dh",
    ],
    ["SGDT and SIDT", "sgdt [0x400000]\nsidt [0x400010]"],
    ["SLDT, STR and SMSW to registers", "sldt rax\nstr rbx\nsmsw rcx\nsldt dx"],
    [
      "SLDT, STR and SMSW to memory",
      "sldt word ptr [0x400000]\nstr word ptr [0x400008]\nsmsw word ptr [0x400010]",
    ],
    [
      "LAR and LSL",
      "mov ebx, KERNEL_CODE\nlar eax, ebx\nlsl ecx, ebx\nmov ebx, USER_DATA\nlar edx, ebx\nlsl esi, ebx\nmov ebx, 0x60\nlar edi, ebx\nsetz bl",
    ],
    [
      "VERR and VERW",
      "mov ebx, KERNEL_CODE\nverr bx\nsetz al\nverw bx\nsetz ah\nmov ebx, KERNEL_DATA\nverw bx\nsetz cl\nverr bx\nsetz ch\nxor ebx, ebx\nverr bx\nsetz dl",
    ],
    [
      "MOV from CS and SS",
      "mov eax, cs\nmov ebx, ss\nmov ecx, ds\nmov edx, es\nmov word ptr [0x400000], cs\nmov word ptr [0x400008], ss",
    ],
    [
      "MOV to data segments",
      "mov eax, KERNEL_DATA\nmov ds, eax\nmov es, eax\nmov ss, eax\nmov fs, eax\nmov ecx, fs\nmov edx, ss\nxor eax, eax\nmov gs, eax\nmov esi, gs",
    ],
    ["MOV of a selector that is refused", "mov r13, 2\nmov eax, 0x70\nmov ds, eax\nmov eax, ds"],
    [
      "PUSH and POP of FS and GS",
      "mov eax, KERNEL_DATA\npush rax\n.byte 0x0f, 0xa1\n.byte 0x0f, 0xa0\npop rbx\n.byte 0x0f, 0xa8\npop rcx",
    ],
    [
      "LSS",
      "mov dword ptr [0x400000], 0x123450\nmov word ptr [0x400004], KERNEL_DATA\nmov rbx, rsp\n.byte 0x0f, 0xb2, 0x24, 0x25, 0, 0, 0x40, 0\nmov rcx, rsp\nmov rsp, rbx\nmov edx, ss",
    ],
    [
      "INT n, INT3 and their return addresses",
      "xor r13, r13\nint 5\nmov rbx, [0x400090]\nint3\nmov rcx, [0x400090]",
    ],
    ["INT of a vector that is not there", "mov r13, 2\nint 0x80"],
    [
      "a division by zero",
      "mov r13, 2\nxor ecx, ecx\nxor edx, edx\ndiv ecx\nmov rbx, [0x400090]\nmov rcx, [0x4000a0]",
    ],
    ["an undefined instruction", "mov r13, 2\nud2\nmov rbx, [0x400090]"],
    [
      "a page fault, with its code and address",
      "mov r13, 8\nmov eax, [0x7f000000]\nmov rbx, cr2\nmov rcx, [0x400088]",
    ],
    ["a write fault", "mov r13, 8\nmov [0x7f000010], ecx\nmov rbx, cr2\nmov rcx, [0x400088]"],
    [
      "an address that is not canonical",
      "mov rbx, 0x800000000000\nmov r13, 2\nmov eax, [rbx]\nmov rcx, [0x400088]",
    ],
    [
      "a fault in the middle of registers in use",
      "mov rax, 1\nmov rcx, 2\nmov rdx, 3\nmov rsi, 4\nmov rdi, 5\nmov r13, 8\nadd [0x7f000000], eax\nmov rbx, [0x400098]",
    ],
    ["a fault of CALL through memory", "mov r13, 7\ncall qword ptr [0x7f000000]\nmov rbx, cr2"],
    [
      "a fault of RET",
      "mov rbx, rsp\nmov rsp, 0x7f000000\nmov r13, 0\nmov rbp, offset after\nmov rax, 0x1234\nmov rsp, rbx\npush rbp\nret\nafter: mov rcx, rsp",
    ],
    [
      "CR reads and CR8",
      "mov rax, cr0\nmov rbx, cr3\nmov rcx, cr4\nmov edx, 5\nmov cr8, rdx\nmov rsi, cr8\nmov r8, 0x33\nmov cr2, r8\nmov r11, cr2",
    ],
    ["CR8 of a value that it does not take", "mov r13, 4\nmov eax, 16\nmov cr8, rax\nmov rbx, cr8"],
    [
      "CR4 of a bit that it does not have",
      "mov r13, 3\nmov rax, cr4\nbts rax, 40\nmov cr4, rax\nmov rbx, cr4",
    ],
    [
      "CLTS, LMSW and TS",
      "mov rax, cr0\nor eax, 8\nmov cr0, rax\nmov rbx, cr0\nmov r13, 2\nfnop\nmov rcx, r15\nclts\nfnop\nmov rdx, cr0\nmov esi, 0xb\nlmsw si\nmov rdi, cr0\nclts",
    ],
    ["debug registers", "mov eax, 0x1234\nmov dr0, rax\nmov rbx, dr0\nmov rcx, dr6\nmov rdx, dr7"],
    [
      "RDMSR, WRMSR, SWAPGS",
      "mov ecx, 0xc0000101\nmov eax, 0x11110000\nmov edx, 1\nwrmsr\nmov ecx, 0xc0000102\nmov eax, 0x22220000\nmov edx, 2\nwrmsr\nswapgs\nmov ecx, 0xc0000101\nrdmsr\nmov ebx, eax\nmov esi, edx\nswapgs\nrdmsr",
    ],
    ["RDMSR of one that is not there", "mov r13, 2\nmov ecx, 0x12345\nrdmsr\nmov rbx, [0x400088]"],
    [
      "FS and GS as data",
      "mov ecx, 0xc0000100\nmov eax, 0x400000\nxor edx, edx\nwrmsr\nmov dword ptr fs:[16], 0x55\nmov ebx, [0x400010]",
    ],
    ["INVLPG, WBINVD", "invlpg [0x400000]\nwbinvd"],
    [
      "IN of a known port and of a port in DX",
      "xor eax, eax\nin al, 0x80\nmov ebx, eax\nmov al, 0x5a\nout 0x80, al\nxor eax, eax\nin al, 0x80\nmov esi, eax\nmov edx, 0x3fd\nin al, dx\nmov ecx, eax",
    ],
    [
      "far RET within the ring",
      "push KERNEL_CODE\nmov eax, offset there\npush rax\nretfq\nthere: mov ebx, cs\nmov rcx, rsp",
    ],
    [
      "far JMP through memory",
      "mov dword ptr [0x400000], offset there\nmov word ptr [0x400004], KERNEL_CODE\n.byte 0xff, 0x2c, 0x25, 0, 0, 0x40, 0\nthere: mov ebx, cs",
    ],
    [
      "far CALL through memory and back",
      "mov dword ptr [0x400000], offset there\nmov word ptr [0x400004], KERNEL_CODE\n.byte 0xff, 0x1c, 0x25, 0, 0, 0x40, 0\nmov ecx, 7\njmp done\nthere: mov ebx, [rsp + 4]\nmov esi, [rsp]\nretf\ndone: mov rdx, rsp",
    ],
    [
      "IRET within the ring",
      "mov rbx, rsp\npush KERNEL_DATA\npush rbx\npush 0x202\npush KERNEL_CODE\nmov eax, offset there\npush rax\niretq\nthere: pushfq\npop rcx\ncli",
    ],
    [
      "LOOP, JRCXZ and conditional jumps",
      "mov ecx, 5\nxor eax, eax\nagain: inc eax\nloop again\njrcxz empty\nmov eax, 99\nempty: cmp eax, 5\njne empty\nmov ebx, eax",
    ],
    [
      "indirect jumps and calls",
      "lea rax, [rip + table]\nmov ecx, 1\njmp [rax + rcx * 8]\none: mov ebx, 1\njmp out\ntwo: mov ebx, 2\ncall [rip + table + 16]\njmp out\nthree: mov edx, 3\nret 0\ntable: .quad one, two, three\nout: mov rsi, rsp",
    ],
    [
      "RET with parameters",
      "push 11\npush 22\ncall inner\njmp out\ninner: mov rbx, [rsp + 8]\nret 16\nout: mov rcx, rsp",
    ],
    [
      "data relative to RIP",
      "mov eax, [rip + value]\nadd dword ptr [rip + value], 5\nmov ebx, [rip + value]\njmp out\nvalue: .long 37, 0\nout: lea rcx, [rip + value]",
    ],
    [
      "single steps",
      "pushfq\npop rax\nor eax, 0x100\nxor r13, r13\npush rax\npopfq\nnop\nnop\nnop\npushfq\nand qword ptr [rsp], -0x101\npopfq\nmov rbx, [0x400080]\nmov rcx, [0x400090]",
    ],
    ["VMX instructions are not there", "mov r13, 3\nvmcall\nmov rbx, r14"],
    [
      "SYSCALL by the kernel itself",
      "mov ecx, 0xc0000080\nrdmsr\nor eax, 1\nwrmsr\nmov ecx, 0xc0000081\nxor eax, eax\nmov edx, KERNEL_CODE\nwrmsr\nmov ecx, 0xc0000082\nmov eax, offset there\nxor edx, edx\nwrmsr\nmov ecx, 0xc0000084\nmov eax, 0x40\nwrmsr\nxor eax, eax\nsyscall\nthere: mov rbx, rcx\nmov rsi, r11\npushfq\npop rdi\nxor ecx, ecx\nxor r11, r11",
    ],
  ])("%s", (_, body) => same(long(body)));
});

/** Leaves 64-bit mode for flat 32-bit code, with or without paging. */
const legacy = (body: string, paged: boolean): string => `
  .set IDT, 0x3f0000
  .set CODE32, 0x30
  .set DATA32, 0x38
  .set SMALL, 0x40
  .set BASED, 0x48
  main:
    mov rax, 0x00cf9a000000ffff
    mov [gdt32 + 0x30], rax
    mov rax, 0x00cf92000000ffff
    mov [gdt32 + 0x38], rax
    mov rax, 0x0040920000000fff
    mov [gdt32 + 0x40], rax
    mov rax, 0x00409240000000ff
    mov [gdt32 + 0x48], rax
    mov rax, [gdt + 8]
    mov [gdt32 + 8], rax
    mov rax, [gdt + 16]
    mov [gdt32 + 16], rax
    lgdt [wide_gdt]
    push CODE32
    mov eax, offset compatibility
    push rax
    retfq
  .code32
  compatibility:
    mov eax, DATA32
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov ecx, 0xc0000080
    rdmsr
    and eax, 0xfffffeff
    wrmsr
    ${paged ? "mov eax, cr4\nand eax, 0xffffffdf\nor eax, 0x10\nmov cr4, eax\nmov dword ptr [0x300000], 0x83\nmov dword ptr [0x300004], 0x400083\nmov dword ptr [0x300008], 0x800083\nmov eax, 0x300000\nmov cr3, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax" : ""}
    mov edi, IDT
    mov ecx, 32
    mov eax, offset stubs
  fill:
    mov [edi], ax
    mov word ptr [edi + 2], CODE32
    mov word ptr [edi + 4], 0x8e00
    mov edx, eax
    shr edx, 16
    mov [edi + 6], dx
    add edi, 8
    add eax, 16
    dec ecx
    jnz fill
    .byte 0x0f, 0x01, 0x1d
    .long idt_pointer
    xor ebp, ebp
    jmp body
  idt_pointer:
    .word 32 * 8 - 1
    .long IDT
  .balign 16
  stubs:
${Array.from({ length: 32 }, (_, vector) => {
  const withCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
  return `${withCode ? "" : "push 0\n"}push ${vector}\njmp caught\n.balign 16`;
}).join("\n")}
  caught:
    pop dword ptr [0x400080]
    pop dword ptr [0x400088]
    inc dword ptr [0x40008c]
    push eax
    mov eax, [esp + 4]
    mov [0x400090], eax
    mov eax, [esp + 8]
    mov [0x400094], eax
    mov eax, [esp + 12]
    mov [0x400098], eax
    pop eax
    add [esp], ebp
    iretd
  body:
    ${body}
    mov al, 7
    out 0xf4, al
    hlt
  wide_gdt:
    .word 0x4f
    .quad gdt32
  .balign 8
  gdt32:
    .skip 96
`;

const LEGACY: readonly (readonly [string, string])[] = [
  ["CLI and STI show in PUSHF", "cli\npushfd\npop ebx\nsti\nnop\npushfd\npop ecx\ncli\npushfd\npop edx"],
  ["POPF", "push 0x3602\npopfd\nnop\npushfd\npop ebx\npush 2\npopfd\npushfd\npop ecx"],
  ["SGDT and SIDT", ".byte 0x0f, 0x01, 0x05, 0, 0, 0x40, 0\n.byte 0x0f, 0x01, 0x0d, 0x10, 0, 0x40, 0"],
  ["SLDT, STR and SMSW", "sldt eax\nstr ebx\nsmsw ecx"],
  ["LAR and LSL", "mov ebx, CODE32\nlar eax, ebx\nlsl ecx, ebx\nmov ebx, SMALL\nlar edx, ebx\nlsl esi, ebx"],
  ["VERR and VERW", "mov ebx, CODE32\nverw bx\nsetz al\nverr bx\nsetz ah\nmov ebx, SMALL\nverw bx\nsetz cl"],
  [
    "PUSH of segments",
    ".byte 0x0e\npop eax\n.byte 0x16\npop ebx\n.byte 0x1e\npop ecx\n.byte 0x06\npop edx\n.byte 0x0f, 0xa8\npop esi",
  ],
  [
    "POP of segments",
    "push SMALL\n.byte 0x07\nmov eax, es\npush DATA32\n.byte 0x07\npush SMALL\n.byte 0x0f, 0xa1\nmov ebx, fs",
  ],
  [
    "MOV to and from segments",
    "mov eax, SMALL\nmov es, eax\nmov ecx, es\nmov edx, cs\nmov esi, ss\nmov eax, DATA32\nmov es, eax",
  ],
  ["a segment's base", "mov eax, BASED\nmov fs, eax\nmov dword ptr [0x400010], 0x77\nmov ebx, fs:[0x10]"],
  [
    "a segment's limit",
    "mov ebp, 7\nmov eax, SMALL\nmov es, eax\nmov ebx, es:[0xffc]\nmov ebx, 0x1000\n.byte 0x26, 0x8b, 0x8b, 0, 0, 0, 0\nmov ecx, [0x400080]\nmov eax, DATA32\nmov es, eax",
  ],
  [
    "data through GS",
    "mov eax, BASED\nmov gs, eax\nmov dword ptr gs:[0x18], 0x99\nmov ebx, [0x400018]\nmov ecx, gs:[0x18]\nmov edx, gs",
  ],
  ["data through CS", "mov dword ptr [0x400020], 0x66\nmov ebx, cs:[0x400020]\nmov eax, gs"],
  [
    "a write through CS",
    "mov ebp, 7\nmov dword ptr [0x400020], 0x66\n.byte 0x2e, 0x89, 0x1d, 0x20, 0, 0x40, 0\nmov ebx, [0x400020]",
  ],
  ["INT n", "xor ebp, ebp\nint 5\nmov ebx, [0x400090]\nmov ecx, [0x400094]\nmov edx, [0x400098]"],
  ["INTO", "xor ebp, ebp\nmov eax, 0x7fffffff\nadd eax, 1\ninto\nmov ebx, [0x400080]"],
  [
    "far CALL and RET",
    ".byte 0x9a\n.long there\n.word CODE32\njmp out\nthere: mov ebx, [esp]\nmov ecx, [esp + 4]\nretf\nout: mov edx, esp",
  ],
  ["far JMP", ".byte 0xea\n.long there\n.word CODE32\nthere: mov ebx, cs"],
  ["IRET", "pushfd\n.byte 0x0e\nmov eax, offset there\npush eax\niretd\nthere: mov ebx, esp"],
  ["a division by zero", "mov ebp, 2\nxor ecx, ecx\ndiv ecx\nmov ebx, [0x400090]"],
  [
    "a null selector as data",
    "mov ebp, 7\nxor eax, eax\nmov es, eax\n.byte 0x26, 0x8b, 0x1d, 0, 0, 0x40, 0\nmov ecx, [0x400080]\nmov eax, DATA32\nmov es, eax",
  ],
  ["CR reads", "mov eax, cr0\nmov ebx, cr3\nmov ecx, cr4"],
  [
    "calls, jumps and returns",
    "mov eax, offset table\njmp [eax + 4]\none: mov ebx, 1\njmp out\ntwo: mov ebx, 2\ncall three\ncall [table + 8]\njmp out\nthree: inc edx\nret\ntable: .long one, two, three\nout: mov esi, esp",
  ],
  [
    "RET with parameters",
    "push 11\npush 22\ncall inner\njmp out\ninner: mov ebx, [esp + 4]\nret 8\nout: mov ecx, esp",
  ],
  [
    "LES and LDS",
    "mov dword ptr [0x400000], 0x1234\nmov word ptr [0x400004], SMALL\nles ebx, [0x400000]\nmov ecx, es\nmov eax, DATA32\nmov es, eax",
  ],
];

describe.each([
  ["without paging", false],
  ["with paging", true],
])("in 32-bit code %s", (_, paged) => {
  it.each(LEGACY)("%s", (__, body) => same(legacy(body, paged)));
});
