/** What guest code at ring 1 and ring 3 tries against its hypervisor, and how that ends. */
import { describe, expect, it } from "vitest";
import * as P from "../../../src/spec/paravirtual.js";
import { seeded } from "../../guests/support.js";
import { END, run, unstarted } from "./pv-machine.js";

const UD = 6;
const GP = 13;
const PF = 14;
/** Linear addresses of the hypervisor's part of the address space. */
const GDT = "0xffff800000000000";
const IDT = "0xffff800000020000";
const STUBS = "0xffff800000024000";
const STACK = "0xffff800000025000";

/** Ends with vector and error code (0xfff where there is none) of the first trap, or with 0x5000 + RAX. */
const program = (code: string): string => `
  main:
    mov edi, 0x11c000
    mov eax, STACK_SWITCH
    HYPERCALL
    mov edi, offset traps
    mov esi, 4
    mov eax, SET_TRAP_TABLE
    HYPERCALL
    ${code}
    movzx esi, al
    add esi, 0x5000
    ${END}
  opcode: mov esi, 0x6fff
    ${END}
  protection: pop rsi
    add esi, 0xd0000
    ${END}
  page: pop rsi
    add esi, 0xe0000
    ${END}
  debug: mov esi, 0x1fff
    ${END}
    .balign 8, 0
  traps:
    .quad 6, opcode, 13, protection, 14, page, 1, debug`;

/** The same for code that runs at ring 3: a page of its own at 0x180000, with a stack in it. */
const inRing3 = (code: string): string =>
  program(`
    mov esi, offset user
    mov edi, 0x180000
    mov ecx, offset user_end - user
    rep movsb
    mov eax, 0x180000 | PAGE_UPPER
    call to_machine
    mov rsi, rax
    mov edi, 0x180000
    mov edx, 1
    mov eax, UPDATE_MAPPING
    HYPERCALL
    push USER_DATA
    push 0x181000
    push 0x202
    push USER_CODE
    push 0x180000
    iretq
  user:
    ${code}
    ud2
  user_end:`);

const outcome = (main: string) => {
  const { ending } = run(main);
  expect(ending.kind).toBe("debug-exit");
  const value = (ending.status - 1) / 2;
  return value >= 0x10000 ? [value >>> 16, value & 0xffff] : [value >>> 12, value & 0xfff];
};
const UNTOUCHED = 5;

describe("code at ring 1", () => {
  it.each([
    ["CLI", "cli", GP, 0],
    ["STI", "sti", GP, 0],
    ["HLT", "hlt", GP, 0],
    ["a port", "in al, 0x60", GP, 0],
    ["the debug-exit port", "mov al, 1\nout 0xf4, al", GP, 0],
    ["MOV to CR3", "mov rax, 0x510000\nmov cr3, rax", GP, 0],
    ["MOV from CR3", "mov rax, cr3", GP, 0],
    ["MOV to CR0", "mov cr0, rax", GP, 0],
    ["LGDT", "lgdt [rsp]", GP, 0],
    ["LIDT", "lidt [rsp]", GP, 0],
    ["LTR", "xor eax, eax\nltr ax", GP, 0],
    ["INVLPG", "invlpg [rsp]", GP, 0],
    ["WRMSR", "mov ecx, 0xc0000082\nwrmsr", GP, 0],
    ["RDMSR", "mov ecx, 0xc0000082\nrdmsr", GP, 0],
    ["SWAPGS", "swapgs", GP, 0],
    ["SYSRET", "sysretq", GP, 0],
    ["INT of a vector that is not open", "int 0x80", GP, 0x402],
    [
      "a far jump to the hypervisor's code",
      "push 0xffb0\nlea rax, [rip + main]\npush rax\nretfq",
      GP,
      0xffb0,
    ],
    ["the hypervisor's data segment", "mov eax, 0xffb8\nmov ds, ax", GP, 0xffb8],
    ["IRETQ to ring 0", "push 0xffb8\npush rsp\npush 2\npush 0xffb0\npush offset main\niretq", GP, 0xffb0],
    ["a write to the hypervisor's GDT", `mov rbx, ${GDT}\nmov [rbx], rax`, PF, 3],
    ["a write to its IDT", `mov rbx, ${IDT}\nmov [rbx], rax`, PF, 3],
    ["a write to its code", `mov rbx, ${STUBS}\nmov [rbx], al`, PF, 3],
    ["a write to what its slot does not map", "mov rbx, 0xffff800000030000\nmov [rbx], al", PF, 2],
    ["a jump to its code", `mov rbx, ${STUBS}\njmp rbx`, GP, 0],
    ["a jump to its stack", `mov rbx, ${STACK}\njmp rbx`, PF, 0x11],
    ["a write to its own page table", "mov [0x113000], rax", PF, 3],
    [
      "a write to the machine-to-physical table",
      "mov rbx, [rip + start_info]\nmov rbx, [rbx + START_MACHINE_TO_PHYSICAL]\nmov [rbx], rax",
      PF,
      3,
    ],
    ["a read of its GDT, which tells nothing", `mov rbx, ${GDT}\nmov rax, [rbx]`, UNTOUCHED, 0],
  ] as const)("%s", (_, code, vector, errorCode) => {
    expect(outcome(program(code))).toEqual([vector, errorCode]);
  });

  it("may spoil the hypervisor's stack, which holds nothing", () => {
    const spoil = `mov rdi, ${STACK}\nmov ecx, 512\nmov rax, -1\nrep stosq`;
    expect(outcome(program(`${spoil}\nxor edi, edi\nmov eax, VERSION\nHYPERCALL\nshr eax, 16`))).toEqual([
      UNTOUCHED,
      1,
    ]);
  });

  it("cannot switch interrupts off or give itself ports with POPF", () => {
    expect(outcome(program("push 0x3002\npopfq\npushfq\npop rax\nshr rax, 8"))).toEqual([UNTOUCHED, 0x02]);
  });

  it("is ended when it has nowhere to take a trap", () => {
    expect(run("main: ud2").ending).toMatchObject({ kind: "triple-fault", status: 126 });
    expect(run("main: ud2").ending.message).toMatch(/no handler for INVALID_OPCODE/);
    expect(run(program("xor esp, esp\nud2")).ending.message).toMatch(/no kernel stack/);
  });

  it("that loops in a trap handler without end is stopped by the budget", () => {
    const loop = `main: mov edi, offset traps\nmov esi, 1\nmov eax, SET_TRAP_TABLE\nHYPERCALL\nagain: mov esp, STACK_TOP\nud2\n.balign 8, 0\ntraps: .quad 6, again`;
    expect(run(loop).ending.kind).toBe("budget-exhausted");
  });
});

describe("code at ring 3", () => {
  it.each([
    ["nothing but UD2", "nop", UD, 0xfff],
    ["a hypercall", "mov eax, YIELD\nint HYPERCALL_VECTOR", GP, 0x412],
    ["CLI", "cli", GP, 0],
    ["a port", "in al, 0x60", GP, 0],
    ["a read of the hypervisor's GDT", `mov rbx, ${GDT}\nmov rax, [rbx]`, PF, 5],
    ["a read of the kernel", "mov eax, [0x100000]", PF, 5],
    ["a write to a page table", "mov [0x113000], eax", PF, 7],
    ["SYSCALL before the kernel wants it", "syscall", UD, 0xfff],
    ["SYSENTER", "sysenter", GP, 0],
    ["INT of a vector that the kernel keeps", "int 0x80", GP, 0x402],
    ["a far return to the kernel", "push 9\npush 0x100000\nretfq", GP, 8],
  ] as const)("%s", (_, code, vector, errorCode) => {
    expect(outcome(inRing3(code))).toEqual([vector, errorCode]);
  });

  /** INT 0x80 at ring 3, where the kernel has a handler for it that `ring` and more privileged ones may raise. */
  const withHandler = (ring: number, interrupt: string): string =>
    `${inRing3(`${interrupt}\nnop`).replace("mov esi, 4", "mov esi, 5")}
    .byte 0x80, ${ring}
    .skip 6, 0
    .quad opened
  opened:
    mov rax, [rsp]
    sub eax, 0x180000
    movzx esi, al
    add esi, 0x5000
    ${END}`;

  it("reaches a vector that the kernel has opened, and no other", () => {
    expect(outcome(withHandler(3, "int 0x80"))).toEqual([UNTOUCHED, 2]);
    expect(outcome(withHandler(1, "int 0x80"))).toEqual([GP, 0x402]);
    expect(outcome(withHandler(1, "int3"))).toEqual([GP, 0x1a]);
  });
});

describe("what the hypervisor is asked to load", () => {
  it("an instruction pointer behind the canonical half becomes #GP", () => {
    const { guest } = unstarted(4 * 2 ** 20);
    guest.traps.set(GP, 0, 0x10_0040n);
    guest.monitor.rip = 1n << 47n;
    guest.prepare();
    expect(guest.ending).toBeNull();
    expect(guest.monitor.rip).toBe(0x10_0040n);
  });

  it("flags that are not the guest's do not come with INTERRUPT_RETURN", () => {
    const { guest } = unstarted(4 * 2 ** 20);
    const frame = BigUint64Array.of(7n, 0x10_0040n, 9n, 0xffff_ffff_ffff_ffffn, 0x11_0000n, 0x11n);
    guest.monitor.rsp = 0x10_8000n;
    expect(guest.linear.write(0x10_8000n, new Uint8Array(frame.buffer))).toBe(true);
    expect(guest.interruptReturn()).toBe(true);
    // No IOPL, NT, VM, VIF or VIP; IF stays the processor's.
    expect(guest.monitor.rflags & 0x1a7000n).toBe(0n);
    expect(guest.monitor.rflags & 0x200n).toBe(0x200n);
    expect(guest.shared.eventsMasked).toBe(false);
  });
});

describe("the shared clock", () => {
  it("says at each moment what it said before", () => {
    const { guest, machine } = unstarted(4 * 2 ** 20);
    const page = guest.paging.addressOf(0x13_2000 / 4096);
    const read = () => ({
      timestamp: machine.memory.read64(page + P.SHARED_TIMESTAMP),
      time: machine.memory.read64(page + P.SHARED_SYSTEM_TIME),
      scale: BigInt(machine.memory.read32(page + P.SHARED_TIME_SCALE)),
      shift: BigInt((machine.memory.read8(page + P.SHARED_TIME_SHIFT) << 24) >> 24),
      version: machine.memory.read32(page + P.SHARED_TIME_VERSION),
    });
    const first = read();
    const shifted = (cycles: bigint): bigint =>
      first.shift < 0n ? cycles >> -first.shift : cycles << first.shift;
    for (const cycles of [1, 99, 3_000_000, 77_777_777_777]) {
      guest.port.spend(cycles);
      guest.clock.publish();
      const now = read();
      expect(now.timestamp).toBe(BigInt(guest.port.cycles));
      expect(now.version % 2).toBe(0);
      expect(now.version).toBeGreaterThan(first.version);
      const expected = first.time + ((shifted(now.timestamp - first.timestamp) * first.scale) >> 32n);
      expect(now.time).toBe(expected);
      const exact = ((now.timestamp - first.timestamp) * 1_000_000_000n) / BigInt(guest.port.frequency);
      expect(Number(exact - now.time + first.time)).toBeLessThan(Number(exact) * 1e-8 + 2);
    }
  });
});

describe("random code", () => {
  const JUMP = {
    1: "lea rcx, [rip + noise]\nadd rcx, rbx\njmp rcx",
    3: "lea ecx, [rbx + 0x182000]\npush USER_DATA\npush 0x182f00\npush 0x202\npush USER_CODE\npush rcx\niretq",
  };

  /** Jumps into noise; whatever trap comes of it jumps into noise elsewhere. */
  const program = (noise: string, ring: 1 | 3): string => `
    main:
      mov esi, offset noise
      mov edi, 0x182000
      mov ecx, 1024
      rep movsb
      mov eax, 0x182000 | PAGE_UPPER
      call to_machine
      mov rsi, rax
      mov edi, 0x182000
      mov edx, 1
      mov eax, UPDATE_MAPPING
      HYPERCALL
      mov edi, 0x11c000
      mov eax, STACK_SWITCH
      HYPERCALL
      mov edi, 0x181000
      mov ecx, 32
      xor eax, eax
    fill:
      mov [rdi], rax
      mov qword ptr [rdi + 8], offset trap
      add rdi, 16
      inc eax
      loop fill
      mov edi, 0x181000
      mov esi, 32
      mov eax, SET_TRAP_TABLE
      HYPERCALL
      mov edi, offset trap
      mov eax, SET_CALLBACK
      HYPERCALL
    trap:
      cld
      mov rsp, 0x11c000
      mov rbx, [rip + seed]
      imul rbx, rbx, 1103515245
      add rbx, 12345
      mov [rip + seed], rbx
      shr rbx, 16
      mov eax, ebx
      shr eax, 11
      and eax, 31
      and ebx, 0x3f0
      mov edi, 0x180000
      mov esi, 1
      xor edx, edx
      ${JUMP[ring]}
      .balign 8, 0
    seed: .quad 1
    noise: ${noise}
      jmp trap`;

  /** Bytes, and among them instructions that concern the hypervisor. */
  const PIECES = [
    [0xcd, 0x82],
    [0x0f, 0x05],
    [0x48, 0xcf],
    [0x9d],
    [0x0f, 0x34],
    [0xcb],
    [0x8e, 0xd8],
    [0x8e, 0xd0],
    [0xf4],
    [0xcc],
    [0xf1],
    [0x0f, 0x01, 0xf8],
    [0x0f, 0x22, 0xd8],
    [0xb8, 3, 0, 0, 0],
    [0xb8, 19, 0, 0, 0],
    [0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff],
    [0x48, 0x89, 0xc4],
    [0x50],
    [0x9c],
  ];

  it.each(Array.from({ length: 40 }, (_, i) => i + 1))("leaves the hypervisor standing (seed %i)", (seed) => {
    const random = seeded(seed);
    const bytes: number[] = [];
    while (bytes.length < 1024)
      bytes.push(...(random(3) === 0 ? PIECES[random(PIECES.length)] : [random(256)]));
    const lines = Array.from(
      { length: 64 },
      (_, i) => `.byte ${bytes.slice(16 * i, 16 * i + 16).join(", ")}`,
    );
    const { ending } = run(program(lines.join("\n"), seed % 2 === 0 ? 3 : 1), 20_000);
    expect(["budget-exhausted", "halted", "triple-fault", "debug-exit", "power-off", "reset"]).toContain(
      ending.kind,
    );
  });
});
