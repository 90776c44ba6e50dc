import { assemble } from "../../src/guests/assemble.js";

/**
 * The probe guest: real machine code that executes the instructions of a table, one after another, with the register
 * contents that the table gives, and writes what came of each to memory. It runs in 64-bit mode, has a handler for #GP
 * that steps over the faulting instruction, and powers the machine off at the table's end.
 */

/** What a probe executes. The number is the table's. */
export const PROBES = { cpuid: 1, rdmsr: 2, wrmsr: 3, "sti cpuid": 4, "mov ss cpuid": 5 } as const;
export type ProbeKind = keyof typeof PROBES;

/** One instruction with its registers, 64 bits each. */
export interface Probe {
  kind: ProbeKind;
  rax: bigint;
  rbx: bigint;
  rcx: bigint;
  rdx: bigint;
}

/** What the guest saw of one instruction. */
export interface ProbeResult {
  rax: bigint;
  rbx: bigint;
  rcx: bigint;
  rdx: bigint;
  /** How often #GP came; the last one's error code and its RIP relative to the instruction. */
  faults: bigint;
  errorCode: bigint;
  faultOffset: bigint;
  /** 1 when the two-byte instruction behind the probed one was executed, once. */
  next: bigint;
}

const ORIGIN = 0x10_0000;
const RESULTS = 0x30_0000;
const ENTRY_BYTES = 64;

export const PROBE_RAM_BYTES = 8 << 20;

const SOURCE = `
.set HEADER_MAGIC, 0x1badb002
.set HEADER_FLAGS, 1 << 16
.set RESULTS, ${RESULTS}
.set PML4, 0x400000
.set PDPT, 0x401000
.set PAGE_DIRECTORY, 0x402000
.set IDT, 0x403000
.set STACK_TOP, 0x500000
.set GP_GATE, IDT + 13 * 16

.code32
header:
    .long HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)
    .long header, header, 0, 0, start
start:
    mov dword ptr [PML4], PDPT + 3
    mov dword ptr [PDPT], PAGE_DIRECTORY + 3
    mov edi, PAGE_DIRECTORY
    mov eax, 0x83               # present, writable, 2 MiB
map:
    mov [edi], eax
    add edi, 8
    add eax, 0x200000
    cmp eax, ${PROBE_RAM_BYTES}
    jb map
    mov eax, cr4
    or eax, 0x20                # PAE
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, 0xc0000080         # IA32_EFER
    rdmsr
    or eax, 0x100               # LME
    wrmsr
    mov eax, cr0
    or eax, 0x80000000          # PG
    mov cr0, eax
    lgdt [gdt_pointer]
    jmp 0x08:long_mode

.code64
long_mode:
    mov r14d, 0x10
    mov ds, r14d
    mov es, r14d
    mov ss, r14d
    mov esp, STACK_TOP
    mov eax, offset general_protection
    mov [GP_GATE], ax
    mov word ptr [GP_GATE + 2], 0x08
    mov word ptr [GP_GATE + 4], 0x8e00
    shr eax, 16
    mov [GP_GATE + 6], ax
    lidt [idt_pointer]
    mov r8d, offset table
    mov r9d, RESULTS
    lea r10, [r9 + ${ENTRY_BYTES}]
    mov rsi, 0x5a5a5a5a5a5a5a5a
    mov rdi, 0xa5a5a5a5a5a5a5a5
    mov r15, 0x0123456789abcdef

next_probe:
    xor r11d, r11d              # faults
    xor r12d, r12d              # error code
    xor r13d, r13d              # RIP of the fault
    xor ebp, ebp                # instructions reached behind the probed one
    mov rcx, [r8]
    cmp rcx, ${PROBES.cpuid}
    mov rax, [r8 + 8]
    mov rbx, [r8 + 16]
    mov rdx, [r8 + 32]
    jb finished
    je do_cpuid
    cmp rcx, ${PROBES.wrmsr}
    jb do_rdmsr
    je do_wrmsr
    cmp rcx, ${PROBES["sti cpuid"]}
    je do_sti

do_mov_ss:
    mov rcx, [r8 + 24]
    mov ss, r14d
at_mov_ss:
    cpuid
    inc ebp
    jmp store
do_sti:
    mov rcx, [r8 + 24]
    sti
at_sti:
    cpuid
    inc ebp
    cli
    jmp store
do_cpuid:
    mov rcx, [r8 + 24]
at_cpuid:
    cpuid
    inc ebp
    jmp store
do_rdmsr:
    mov rcx, [r8 + 24]
at_rdmsr:
    rdmsr
    inc ebp
    jmp store
do_wrmsr:
    mov rcx, [r8 + 24]
at_wrmsr:
    wrmsr
    inc ebp

store:
    mov [r10], rax
    mov [r10 + 8], rbx
    mov [r10 + 16], rcx
    mov [r10 + 24], rdx
    mov [r10 + 32], r11
    mov [r10 + 40], r12
    mov [r10 + 48], r13
    mov [r10 + 56], rbp
    add r8, ${ENTRY_BYTES}
    add r10, ${ENTRY_BYTES}
    inc qword ptr [r9]
    jmp next_probe

finished:
    mov edx, 0x604              # ACPI PM1a control
    mov eax, 0x2000             # SLP_EN
    out dx, ax
halt:
    cli
    hlt
    jmp halt

general_protection:
    pop r12
    mov r13, [rsp]
    inc r11
    add qword ptr [rsp], 2      # CPUID, RDMSR and WRMSR have two bytes
    iretq

    .balign 8, 0
gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word 14 * 16 - 1
    .quad IDT
    .balign 64, 0
table:
`;

const INSTRUCTION_LABELS: Record<ProbeKind, string> = {
  cpuid: "at_cpuid",
  rdmsr: "at_rdmsr",
  wrmsr: "at_wrmsr",
  "sti cpuid": "at_sti",
  "mov ss cpuid": "at_mov_ss",
};

/** The probe guest with a table: a multiboot image. */
export function probeImage(probes: readonly Probe[]): Uint8Array {
  const { bytes } = assembled();
  const image = new Uint8Array(bytes.length + (probes.length + 1) * ENTRY_BYTES);
  image.set(bytes);
  const view = new DataView(image.buffer, bytes.length);
  probes.forEach(({ kind, rax, rbx, rcx, rdx }, i) => {
    [BigInt(PROBES[kind]), rax, rbx, rcx, rdx].forEach((value, j) =>
      view.setBigUint64(i * ENTRY_BYTES + 8 * j, value, true),
    );
  });
  return image;
}

/** The guest's memory that holds the results of so many probes. */
export function resultRange(probes: number): { address: number; bytes: number } {
  return { address: RESULTS, bytes: (probes + 1) * ENTRY_BYTES };
}

/** Reads the results out of that memory; as many as the guest has written. */
export function readResults(memory: Uint8Array, probes: readonly Probe[]): ProbeResult[] {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const written = Number(view.getBigUint64(0, true));
  const { symbols } = assembled();
  return probes.slice(0, written).map(({ kind }, i) => {
    const [rax, rbx, rcx, rdx, faults, errorCode, faultRip, next] = Array.from({ length: 8 }, (_, j) =>
      view.getBigUint64((i + 1) * ENTRY_BYTES + 8 * j, true),
    );
    const faultOffset = faults === 0n ? 0n : faultRip - BigInt(symbols[INSTRUCTION_LABELS[kind]]);
    return { rax, rbx, rcx, rdx, faults, errorCode, faultOffset, next };
  });
}

let guest: ReturnType<typeof assemble> | undefined;

function assembled(): ReturnType<typeof assemble> {
  return (guest ??= assemble(SOURCE, { origin: ORIGIN }));
}
