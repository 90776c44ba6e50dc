import { beforeAll, describe, expect, it } from "vitest";
import { loadAssembler } from "../../src/guests/assemble.js";
import { Machine, type MachineStop } from "../../src/machine/machine.js";
import { compiledCore } from "./core.js";

const assemble = await loadAssembler();

let core: WebAssembly.Module;
beforeAll(() => {
  core = compiledCore();
});

const CODE = 0x1_0000;
const TRAMPOLINE = 0x8000;
const IDT = 0x3000;
/** Application processors that have started, and what they have done. */
const STARTED = 0x2000;
const RESULTS = 0x2100;

/**
 * Application processors come from real mode by the GDT at 0x500 to the entry point: cli; xor ax, ax; mov ds, ax;
 * lgdt [0x600]; mov eax, cr0; or al, 1; mov cr0, eax; jmp far 0x10:CODE.
 */
const TRAMPOLINE_CODE = [
  0xfa,
  0x31,
  0xc0,
  0x8e,
  0xd8,
  0x0f,
  0x01,
  0x16,
  0x00,
  0x06,
  0x0f,
  0x20,
  0xc0,
  0x0c,
  0x01,
  0x0f,
  0x22,
  0xc0,
  0x66,
  0xea,
  CODE & 0xff,
  (CODE >> 8) & 0xff,
  CODE >> 16,
  0,
  0x10,
  0,
];

const SEND_ALL = `mov dword ptr [esi + 0x300], 0xc4500
  mov dword ptr [esi + 0x300], 0xc4608
`;

/** `bootstrap` runs on processor 0 and `application` on the others, then HLT for ever; EDI is free. */
const guest = (bootstrap: string, application: string, handler = "iretd"): string => `.code32
entry:
  mov ax, 0x18
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esi, 0xfee00000
  mov dword ptr [esi + 0xf0], 0x1ff
  mov ebp, [esi + 0x20]
  shr ebp, 24
  mov esp, ebp
  shl esp, 12
  add esp, 0x20000
  .byte 0x0f, 0x01, 0x1d # lidt [idt_pointer]
  .long idt_pointer
  test ebp, ebp
  jz first
  ${application}
park:
  cli
  hlt
  jmp park
first:
  mov edi, ${IDT}
  mov ecx, 256
fill:
  mov eax, offset handler
  mov [edi], ax
  mov word ptr [edi + 2], 0x10
  mov word ptr [edi + 4], 0x8e00
  shr eax, 16
  mov [edi + 6], ax
  add edi, 8
  dec ecx
  jnz fill
  ${bootstrap}
  mov al, 0
  out 0xf4, al
handler:
  ${handler}
idt_pointer:
  .word 0x7ff
  .long ${IDT}
`;

function start(source: string, processors: number): Machine {
  const machine = new Machine({ core, ramBytes: 1 << 20, processors });
  const gdt = new DataView(new ArrayBuffer(32));
  gdt.setBigUint64(16, 0x00cf_9b00_0000_ffffn, true);
  gdt.setBigUint64(24, 0x00cf_9300_0000_ffffn, true);
  machine.load({
    segments: [
      { address: 0x500, bytes: new Uint8Array(gdt.buffer) },
      { address: 0x600, bytes: new Uint8Array([31, 0, 0, 5, 0, 0]) },
      { address: CODE, bytes: assemble(source, { origin: CODE }).bytes },
      { address: TRAMPOLINE, bytes: new Uint8Array(TRAMPOLINE_CODE) },
    ],
    entry: CODE,
    startMode: "protected32",
    registers: { rsp: 0x8000 },
    gdt: { base: 0x500, limit: 31 },
  });
  return machine;
}

function run(source: string, processors: number, slice = 1e9): { machine: Machine; stop: MachineStop } {
  const machine = start(source, processors);
  let stop = machine.run({ maxSteps: slice });
  while (stop.kind === "budget-exhausted" && machine.processor.steps < 3_000_000)
    stop = machine.run({ maxSteps: slice });
  return { machine, stop };
}

const PASSED = { kind: "debug-exit", status: 1 };
const COUNT = `lock inc dword ptr [${STARTED}]`;

/** Everyone counts to the same cell 2000 times under a lock; the first one waits for all. */
const counting = (pause: string): string =>
  guest(
    `${SEND_ALL}
  mov eax, 3
wait: ${pause}
  cmp [${STARTED}], eax
  jne wait
  cmp dword ptr [${RESULTS}], 6000
  je good
  mov al, 1
  out 0xf4, al
good:`,
    `mov ecx, 2000
again:
  mov al, 1
take:
  xchg [${RESULTS + 8}], al
  test al, al
  jz mine
  ${pause}
  jmp take
mine:
  mov edx, [${RESULTS}]
  inc edx
  mov [${RESULTS}], edx
  mov byte ptr [${RESULTS + 8}], 0
  dec ecx
  jnz again
  ${COUNT}`,
  );

describe("several processors", () => {
  it("start by INIT and start-up messages and share memory", () => {
    for (const pause of ["pause", "nop"]) expect(run(counting(pause), 4).stop).toEqual(PASSED);
  });

  it.each([1, 13, 4096])("go through the same states in slices of %i steps", (slice) => {
    const state = ({ machine, stop }: ReturnType<typeof run>): unknown => [
      stop,
      machine.processor.cycles,
      machine.processor.instructions,
      machine.memory.read(STARTED, 0x200),
    ];
    const source = counting("pause");
    expect(state(run(source, 4, slice))).toEqual(state(run(source, 4)));
  });

  it("wake a halted processor by an IPI, and get its answer", () => {
    const source = guest(
      `${SEND_ALL}
  xor ebx, ebx
wait: pause
  cmp dword ptr [${STARTED}], 1
  jne wait
  mov dword ptr [esi + 0x310], 0x1000000
  mov dword ptr [esi + 0x300], 0x4055
  sti
sleep:
  hlt
  cmp ebx, 1
  jne sleep`,
      `xor ebx, ebx
  ${COUNT}
  sti
  hlt
  mov dword ptr [esi + 0x310], 0
  mov dword ptr [esi + 0x300], 0x4066`,
      `inc ebx
  mov dword ptr [esi + 0xb0], 0
  iretd`,
    );
    const { stop, machine } = run(source, 2);
    expect(stop).toEqual(PASSED);
    expect(machine.processors.current).toBe(0);
  });

  it("take an NMI with interrupts off", () => {
    const source = guest(
      `${SEND_ALL}
wait: pause
  cmp dword ptr [${STARTED}], 1
  jne wait
  mov dword ptr [esi + 0x310], 0x1000000
  mov dword ptr [esi + 0x300], 0x4400
answer: pause
  cmp dword ptr [${STARTED}], 2
  jne answer`,
      `${COUNT}
  cli
  hlt`,
      `${COUNT}
  iretd`,
    );
    expect(run(source, 2).stop).toEqual(PASSED);
  });

  it("never see the time-stamp counter go back, and know their own ID", () => {
    const source = guest(
      `${SEND_ALL}
wait: pause
  cmp dword ptr [${STARTED}], 3
  jne wait
  mov eax, [${RESULTS}]
  add eax, [${RESULTS + 4}]
  add eax, [${RESULTS + 8}]
  cmp eax, 6
  je good
  mov al, 1
  out 0xf4, al
good:`,
      `mov ecx, 500
again:
  push ecx
spin:
  mov al, 1
  xchg [${RESULTS + 32}], al
  test al, al
  jnz spin
  rdtsc
  cmp edx, [${RESULTS + 44}]
  jb bad
  ja later
  cmp eax, [${RESULTS + 40}]
  jae later
bad:
  mov al, 2
  out 0xf4, al
later:
  mov [${RESULTS + 40}], eax
  mov [${RESULTS + 44}], edx
  mov byte ptr [${RESULTS + 32}], 0
  pop ecx
  dec ecx
  jnz again
  mov eax, 0xb
  xor ecx, ecx
  cpuid
  mov edi, edx
  mov [edi * 4 + ${RESULTS - 4}], edx
  ${COUNT}`,
    );
    expect(run(source, 4).stop).toEqual(PASSED);
  });

  it("report that all are halted for good", () => {
    const source = guest(`${SEND_ALL}\n  sti\n  hlt`, "nop");
    expect(run(source, 2).stop).toEqual({ kind: "halted", interruptsEnabled: true });
  });

  it("are 1 to 4", () => {
    for (const processors of [0, 5, 1.5])
      expect(() => new Machine({ core, ramBytes: 1 << 20, processors })).toThrow(RangeError);
  });
});
