/** Hypercalls, seen by the code at ring 1 that makes them. */
import { describe, expect, it } from "vitest";
import { END, run, session } from "./pv-machine.js";

/** Value that a guest ended with. */
function value(main: string): number {
  const { ending } = run(main);
  expect(ending.kind).toBe("debug-exit");
  return (ending.status - 1) / 2;
}

/** Registers of the last results, low byte of each, end the guest. */
const end = (register: string): string => `mov rsi, ${register}\n${END}`;

/** A batch of n updates that map the same page, at 0x181000 and up, read-only; n by UPDATE_MAPPING one by one. */
const updates = (n: number, batched: boolean): string => `
  main:
    mov ebp, ${n}
    mov ebx, 0x181000
  fill:
    mov eax, 0x180001
    call to_machine
    mov rdx, rax
    mov eax, ebx
    shr eax, 9
    lea edi, [rax + 0x113000]      # the entry of level 1, linear
    ${
      batched
        ? `mov eax, edi
    call to_machine
    mov rcx, [rip + place]
    mov [rcx], rax
    mov [rcx + 8], rdx
    add qword ptr [rip + place], 16`
        : `mov edi, ebx
    mov rsi, rdx
    xor edx, edx
    mov eax, UPDATE_MAPPING
    HYPERCALL
    test rax, rax
    jnz failed`
    }
    add ebx, 0x1000
    dec ebp
    jnz fill
    ${
      batched
        ? `mov edi, offset list
    mov esi, ${n}
    mov eax, MMU_UPDATE
    HYPERCALL
    cmp edx, ${n}
    jne failed
    test rax, rax
    jnz failed`
        : ""
    }
    mov edi, offset flush
    mov esi, 1
    mov eax, MMU_OPERATE
    HYPERCALL
    mov dword ptr [0x180008], 77
    mov eax, [0x181008]
    ${end("rax")}
  failed:
    ${end("-1")}
  .balign 8, 0
  place: .quad list
  flush: .long MMU_FLUSH, 0, 0, 0
  list: .skip 16 * ${n}, 0`;

describe("page-table updates", () => {
  it.each([1, 2, 7, 40])("%i of them are one hypercall when batched, as many when not", (n) => {
    const [batched, single] = [true, false].map((how) => session(updates(n, how)));
    for (const it of [batched, single]) {
      it.run();
      expect(it.ending?.status).toBe(2 * 77 + 1);
    }
    const exits = (it: typeof batched, name: string) =>
      it.view().exits.find((exit) => exit.name === `HYPERCALL_${name}`) ?? { count: 0, cycles: 0 };
    expect(exits(batched, "MMU_UPDATE").count).toBe(1);
    expect(exits(batched, "UPDATE_MAPPING").count).toBe(0);
    expect(exits(single, "UPDATE_MAPPING").count).toBe(n);
    // A batch pays the way once, and each entry its own cost.
    if (n > 1)
      expect(exits(batched, "MMU_UPDATE").cycles).toBeLessThan(exits(single, "UPDATE_MAPPING").cycles);
  });

  it("a page may not be written through a translation that is older than its being a page table", () => {
    // Without an order to flush: X is written, unmapped as writable and made a table in one batch, and written again.
    const status = value(`
      main:
        mov edi, offset traps
        mov esi, 1
        mov eax, SET_TRAP_TABLE
        HYPERCALL
        mov qword ptr [0x180000], 0
        mov edi, 0x113000 + 0x180 * 8
        mov edx, 0x180000 | PAGE_PRESENT
        call queue_update
        mov edi, 0x112000 + 16 * 8
        mov edx, 0x180000 | PAGE_UPPER
        call queue_update
        call flush_updates
        mov qword ptr [0x180000], 7
        ${end("1")}
      fault:
        pop rsi
        mov rax, [rip + shared_info]
        mov rax, [rax + SHARED_CR2]
        cmp eax, 0x180000
        jne wrong
        add esi, 100
        ${END}
      wrong: ${end("2")}
        .balign 8, 0
      traps: .byte 14, 0
        .skip 6, 0
        .quad fault`);
    expect(status).toBe(103);
  });
});

/** Binds a port of software, names a callback that adds 1 to R12 and notes the event mask in R13. */
const EVENTS = `
    mov edi, 2
    mov eax, EVENT_BIND
    HYPERCALL
    mov ebp, eax
    mov edi, offset upcall
    mov eax, SET_CALLBACK
    HYPERCALL
    mov rbx, [rip + shared_info]
    xor r12d, r12d`;
const SEND = `
    mov edi, ebp
    mov eax, EVENT_SEND
    HYPERCALL`;
const UPCALL = `
  upcall:
    push rax
    inc r12
    movzx r13d, byte ptr [rbx + SHARED_UPCALL_MASK]
    mov byte ptr [rbx + SHARED_UPCALL_PENDING], 0
    mov qword ptr [rbx + SHARED_PENDING], 0
    pop rax
    RETURN_FROM_TRAP`;
const YIELDS = "mov eax, YIELD\nHYPERCALL";
const UNMASK = "mov byte ptr [rbx + SHARED_UPCALL_MASK], 0";

describe("events", () => {
  it.each([
    ["wait while they are masked, as at the start", `${SEND}\n${YIELDS}`, 0],
    ["are delivered at the call after a store that unmasks them", `${SEND}\n${UNMASK}\n${YIELDS}`, 1],
    ["are delivered at once when they are not masked", `${UNMASK}\n${SEND}`, 1],
    ["that are sent twice are one", `${SEND}\n${SEND}\n${UNMASK}\n${YIELDS}`, 1],
    ["are not delivered twice", `${UNMASK}\n${SEND}\n${YIELDS}\n${YIELDS}`, 1],
    ["come again when they are sent again", `${UNMASK}\n${SEND}\n${SEND}`, 2],
    ["of a port that is kept quiet wait", `${UNMASK}\nbts [rbx + SHARED_MASK], rbp\n${SEND}\n${YIELDS}`, 0],
    [
      "of a port that was kept quiet come with EVENT_UNMASK",
      `${UNMASK}\nbts [rbx + SHARED_MASK], rbp\n${SEND}\nmov edi, ebp\nmov eax, EVENT_UNMASK\nHYPERCALL`,
      1,
    ],
    ["end BLOCK", `${SEND}\nmov eax, BLOCK\nHYPERCALL`, 1],
    [
      "of a port that was closed do not come",
      `${UNMASK}\nmov edi, ebp\nmov eax, EVENT_CLOSE\nHYPERCALL\n${SEND}`,
      0,
    ],
  ])("%s", (_, what, deliveries) => {
    expect(value(`main:${EVENTS}\n${what}\n${end("r12")}\n${UPCALL}`)).toBe(deliveries);
  });

  it("of a port that is still pending call nobody", () => {
    const keepsBit = UPCALL.replace("mov qword ptr [rbx + SHARED_PENDING], 0", "");
    expect(value(`main:${EVENTS}\n${UNMASK}\n${SEND}\n${SEND}\n${end("r12")}\n${keepsBit}`)).toBe(1);
  });

  it("are masked while their handler runs, and not after", () => {
    const check = `shl r13, 1\nmovzx eax, byte ptr [rbx + SHARED_UPCALL_MASK]\nor rax, r13`;
    expect(value(`main:${EVENTS}\n${UNMASK}\n${SEND}\n${check}\n${end("rax")}\n${UPCALL}`)).toBe(0b10);
  });

  it("have 64 ports, and one for each source of the hypervisor's", () => {
    const bind = (source: number): string => `mov edi, ${source}\nmov eax, EVENT_BIND\nHYPERCALL`;
    expect(
      value(`main: ${bind(0)}\n${bind(1)}\nmov ebp, eax\n${bind(1)}\ncmp eax, ebp\nsete al\n${end("rax")}`) &
        1,
    ).toBe(1);
    const all = `main: mov ebp, 70\nmore: ${bind(2)}\ncmp rax, -28\nje full\ninc r12\ndec ebp\njnz more\nfull: ${end("r12")}`;
    expect(value(all)).toBe(64);
  });

  it("BLOCK with nothing that could come ends the run as halted", () => {
    expect(run("main: mov eax, BLOCK\nHYPERCALL").ending.kind).toBe("halted");
  });
});

describe("time", () => {
  /** RAX: system time by the shared page, with no call. */
  const NOW = `
    mov r8d, [rbx + SHARED_TIME_VERSION]
    test r8b, 1
    jnz now
    rdtsc
    shl rdx, 32
    or rax, rdx
    sub rax, [rbx + SHARED_TIMESTAMP]
    mov cl, [rbx + SHARED_TIME_SHIFT]
    test cl, cl
    js right
    shl rax, cl
    jmp scale
  right:
    neg cl
    shr rax, cl
  scale:
    mov ecx, [rbx + SHARED_TIME_SCALE]
    mul rcx
    shrd rax, rdx, 32
    add rax, [rbx + SHARED_SYSTEM_TIME]
    cmp r8d, [rbx + SHARED_TIME_VERSION]
    jne now
    ret`;

  it("the timer signals when its moment has come, and the clock says so", () => {
    const status = value(`
      main:${EVENTS.replace("mov edi, 2", "mov edi, SOURCE_TIMER")}
        call now
        mov r14, rax
        lea rdi, [rax + 5000000]
        mov eax, SET_TIMER
        HYPERCALL
        mov eax, BLOCK
        HYPERCALL
        call now
        sub rax, r14
        xor edx, edx
        mov ecx, 1000
        div rcx
        shl r12, 16
        or rax, r12
        ${end("rax")}
      now: ${NOW}
      ${UPCALL}`);
    expect(status >> 16).toBe(1);
    expect(status & 0xffff).toBeGreaterThanOrEqual(5000);
    expect(status & 0xffff).toBeLessThan(5100);
  });

  it("never goes back, whenever the hypervisor writes the page", () => {
    const status = value(`
      main:${EVENTS.replace("mov edi, 2", "mov edi, SOURCE_TIMER")}
        ${UNMASK}
        xor r14d, r14d
        xor r15d, r15d
      again:
        call now
        cmp rax, r14
        jb back
        mov r14, rax
        test r15d, 511
        jnz no_timer
        lea rdi, [rax + 100]
        mov eax, SET_TIMER
        HYPERCALL
      no_timer:
        inc r15d
        cmp r15d, 3500
        jb again
        ${end("r12")}
      back: ${end("0xbad")}
      now: ${NOW}
      ${UPCALL}`);
    expect(status).toBeGreaterThan(4);
    expect(status).toBeLessThan(100);
  });

  it.each(["-1", "0", "1", "0x7fffffffffffffff"])("a deadline of %s hurts nobody", (deadline) => {
    expect(value(`main: mov rdi, ${deadline}\nmov eax, SET_TIMER\nHYPERCALL\n${end("rax")}`)).toBe(0);
  });
});

describe("the rest", () => {
  it.each([
    ["VERSION", "xor edi, edi\nmov eax, VERSION\nHYPERCALL\nshr eax, 16", 1],
    ["an unknown call", "mov eax, 21\nHYPERCALL\nneg eax", 38],
    ["a huge number", "mov rax, -1\nHYPERCALL\nneg eax", 38],
    [
      "CONSOLE_WRITE of what is not mapped",
      "mov edi, 0x40000000\nmov esi, 1\nmov eax, CONSOLE_WRITE\nHYPERCALL\nneg eax",
      14,
    ],
    [
      "CONSOLE_WRITE of the hypervisor's memory",
      "mov rdi, 0xffff800000000000\nmov esi, 8\nmov eax, CONSOLE_WRITE\nHYPERCALL\nneg eax",
      14,
    ],
    ["READ_MSR of another register", "mov edi, 0x1b\nmov eax, READ_MSR_CALL\nHYPERCALL\nneg eax", 1],
    [
      "WRITE_MSR of an address that is none",
      "mov edi, 0xc0000100\nmov rsi, 0x800000000000\nmov eax, WRITE_MSR_CALL\nHYPERCALL\nneg eax",
      22,
    ],
    [
      "SYSCALL's entry at an address that is none",
      "mov edi, 0xc0000082\nmov rsi, 0x800000000000\nmov eax, WRITE_MSR_CALL\nHYPERCALL\nneg eax",
      22,
    ],
    [
      "FS base",
      "mov edi, 0xc0000100\nmov esi, offset datum\nmov eax, WRITE_MSR_CALL\nHYPERCALL\nxor ecx, ecx\nmov eax, fs:[rcx]\njmp done\ndatum: .long 41\ndone:",
      41,
    ],
    [
      "GS bases change places",
      "mov edi, 0xc0000102\nmov esi, offset datum\nmov eax, WRITE_MSR_CALL\nHYPERCALL\nmov eax, SWAP_GS_CALL\nHYPERCALL\nxor ecx, ecx\nmov eax, gs:[rcx]\njmp done\ndatum: .long 42\ndone:",
      42,
    ],
    [
      "INTERRUPT_RETURN to a ring that is not the guest's",
      "push 0\npush 0\npush 0x202\npush 0\npush 0\npush 0\nmov eax, INTERRUPT_RETURN\nHYPERCALL\nneg eax",
      22,
    ],
    [
      "all other registers are kept",
      "mov rbx, 3\nmov r8, 5\nmov edi, 1\nmov eax, VERSION\nHYPERCALL\nlea rax, [rbx + r8]\nadd rax, rdi",
      9,
    ],
  ])("%s", (_, code, result) => {
    expect(value(`main: ${code}\n${end("rax")}`)).toBe(result);
  });

  it.each([
    ["0", "power-off", 0],
    ["1", "reset", 0],
    ["2", "triple-fault", 126],
  ])("SHUTDOWN %s", (reason, kind, status) => {
    expect(run(`main: mov edi, ${reason}\nmov eax, SHUTDOWN\nHYPERCALL`).ending).toMatchObject({
      kind,
      status,
    });
  });

  it("CONSOLE_WRITE writes all of a text in one call", () => {
    const { console, exits } = run(
      `main: lea rsi, [rip + text]\ncall put_text\n${end("1")}\ntext: .asciz "one call"`,
    );
    expect(console).toBe("one call");
    expect(exits.HYPERCALL_CONSOLE_WRITE).toBe(1);
  });
});

describe("the keyboard", () => {
  /** Echoes what is typed, in as few calls as it can, until a q comes. */
  const ECHO = `
    main:
      mov edi, 1
      mov eax, EVENT_BIND
      HYPERCALL
      mov ebp, eax
      mov edi, offset upcall
      mov eax, SET_CALLBACK
      HYPERCALL
      mov rbx, [rip + shared_info]
    again:
      mov eax, BLOCK
      HYPERCALL
      mov edi, 0x180000
      mov esi, 100
      mov eax, CONSOLE_READ
      HYPERCALL
      test eax, eax
      jz again
      mov r14, rax
      mov esi, 0x180000
      mov rcx, rax
      call put_bytes
      cmp byte ptr [r14 + 0x17ffff], 'q'
      jne more
      ${end("r12")}
    more:
      mov edi, 0x180000
      mov esi, 100
      mov eax, CONSOLE_READ
      HYPERCALL
      test eax, eax
      jz again
      mov r14, rax
      mov esi, 0x180000
      mov rcx, rax
      call put_bytes
      cmp byte ptr [r14 + 0x17ffff], 'q'
      jne more
      ${end("r12")}
    ${UPCALL}`;

  it("signals, wakes a guest that has blocked, and is read by a call", () => {
    const it = session(ECHO);
    it.run();
    expect(it.ending?.kind).toBe("halted");
    expect(it.waitsForInput).toBe(true);
    for (const text of ["hello ", "world q"]) {
      it.type(new TextEncoder().encode(text));
      it.run();
    }
    expect(it.view().console).toBe("hello world q");
    expect(it.ending?.kind).toBe("debug-exit");
  });

  it("keeps what does not fit", () => {
    const long = `${"abcdefghijklmno".repeat(20)}q`;
    const it = session(ECHO);
    it.run();
    it.type(new TextEncoder().encode(long));
    it.run();
    expect(it.view().console).toBe(long);
  });

  it("keeps what could not be stored", () => {
    const read = (to: string): string =>
      `mov rdi, ${to}\nmov esi, 1\nmov eax, CONSOLE_READ\nHYPERCALL\nmov r15, rax`;
    const bound = EVENTS.replace("mov edi, 2", "mov edi, 1");
    const it = session(
      `main:${bound}\nmov eax, BLOCK\nHYPERCALL\n${read("0x113000")}\nmov r14, r15\n${read("0x180000")}\nsub r15, r14\n${end("r15")}\n${UPCALL}`,
    );
    it.run();
    it.type(Uint8Array.of(65));
    it.run();
    expect(it.ending?.status).toBe(2 * (1 + 14) + 1);
  });
});
