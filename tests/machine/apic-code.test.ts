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
const IDT = 0x3000;

/** 32-bit code with a GDT at 0x500 and an IDT whose gates all lead to `handler`; ESI is the local APIC. */
const guest = (body: string, handler: string): string => `.code32
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
  .byte 0x0f, 0x01, 0x1d # lidt [idt_pointer]
  .long idt_pointer
  mov esi, 0xfee00000
  mov ebx, 0
  ${body}
  mov al, 0
  out 0xf4, al
handler:
  ${handler}
  iretd
idt_pointer:
  .word 0x7ff
  .long ${IDT}
`;

function run(source: string, slice = 1e9): { machine: Machine; stop: MachineStop; text: string } {
  let text = "";
  const machine = new Machine({
    core,
    ramBytes: 1 << 20,
    onSerial: (byte) => (text += String.fromCharCode(byte)),
  });
  const gdt = new DataView(new ArrayBuffer(32));
  gdt.setBigUint64(16, 0x00cf_9b00_0000_ffffn, true);
  gdt.setBigUint64(24, 0x00cf_9300_0000_ffffn, true);
  machine.load({
    segments: [
      { address: 0x500, bytes: new Uint8Array(gdt.buffer) },
      { address: CODE, bytes: assemble(source, { origin: CODE }).bytes },
    ],
    entry: CODE,
    startMode: "protected32",
    registers: { rsp: 0x8000 },
    gdt: { base: 0x500, limit: 31 },
  });
  let stop = machine.run({ maxSteps: slice });
  while (stop.kind === "budget-exhausted" && machine.processor.steps < 2_000_000)
    stop = machine.run({ maxSteps: slice });
  return { machine, stop, text };
}

const PASSED = { kind: "debug-exit", status: 1 };
const COUNT_AND_EOI = `inc ebx
  mov dword ptr [esi + 0xb0], 0`;

/** Twenty periods of the timer, each divided by 1: 1000 ticks of 24 MHz. */
const PERIODIC = guest(
  `mov dword ptr [esi + 0xf0], 0x1ff
  mov dword ptr [esi + 0x3e0], 0xb
  mov dword ptr [esi + 0x320], 0x20040
  mov dword ptr [esi + 0x380], 1000
  sti
wait:
  hlt
  cmp ebx, 20
  jb wait`,
  COUNT_AND_EOI,
);

describe("machine code and the local APIC", () => {
  it("takes its timer's interrupts, and time is simulated time", () => {
    const { machine, stop } = run(PERIODIC);
    expect(stop).toEqual(PASSED);
    const expected = (20 * 1000 * 3e9) / 24e6;
    expect(machine.processor.cycles).toBeGreaterThan(expected);
    expect(machine.processor.cycles).toBeLessThan(expected * 1.05);
  });

  it.each([1, 7, 1000])("runs to the same cycle in slices of %i instructions", (slice) => {
    const whole = run(PERIODIC);
    const cut = run(PERIODIC, slice);
    expect(cut.stop).toEqual(whole.stop);
    expect(cut.machine.processor.cycles).toBe(whole.machine.processor.cycles);
    expect(cut.machine.peripherals.local[0]!.apic.snapshot()).toEqual(
      whole.machine.peripherals.local[0]!.apic.snapshot(),
    );
  });

  it("works in x2APIC mode with the TSC deadline, and sends itself an interrupt", () => {
    const source = guest(
      `mov ecx, 0x1b
  rdmsr
  or eax, 0x400
  wrmsr
  mov ecx, 0x80f
  mov eax, 0x1ff
  xor edx, edx
  wrmsr
  mov ecx, 0x832
  mov eax, 0x40040
  wrmsr
  sti
  rdtsc
  add eax, 30000
  adc edx, 0
  mov ecx, 0x6e0
  wrmsr
wait:
  cmp ebx, 1
  jne wait
  rdmsr
  test eax, eax
  jnz bad
  mov ecx, 0x83f
  mov eax, 0x51
  xor edx, edx
  wrmsr
  cmp ebx, 2
  je good
bad:
  mov al, 1
  out 0xf4, al
good:`,
      `inc ebx
  push eax
  push ecx
  push edx
  mov ecx, 0x80b
  xor eax, eax
  xor edx, edx
  wrmsr
  pop edx
  pop ecx
  pop eax`,
    );
    expect(run(source).stop).toEqual(PASSED);
  });

  it("raises #GP for an MSR of x2APIC mode while in xAPIC mode", () => {
    const source = guest(
      `mov ecx, 0x802
  rdmsr
  mov al, 5
  out 0xf4, al`,
      `mov al, 7
  out 0xf4, al`,
    );
    expect(run(source).stop).toEqual({ kind: "debug-exit", status: 15 });
  });

  it("holds interrupts back by CR8's class in TPR, and lets them through when it falls", () => {
    const source = guest(
      `mov dword ptr [esi + 0xf0], 0x1ff
  mov dword ptr [esi + 0x80], 0x60
  sti
  mov dword ptr [esi + 0x300], 0x40055
  nop
  mov edx, ebx
  mov dword ptr [esi + 0x80], 0x40
  nop
  shl edx, 4
  or edx, ebx
  cmp edx, 1
  je good
  mov al, 1
  out 0xf4, al
good:`,
      COUNT_AND_EOI,
    );
    expect(run(source).stop).toEqual(PASSED);
  });

  it("gets the 8254's ticks through the IO-APIC's input 2, and a level-triggered line until it falls", () => {
    const source = guest(
      `mov dword ptr [esi + 0xf0], 0x1ff
  mov edi, 0xfec00000
  mov dword ptr [edi], 0x14
  mov dword ptr [edi + 0x10], 0x30
  mov al, 0x34
  out 0x43, al
  mov al, 0x10
  out 0x40, al
  mov al, 0
  out 0x40, al
  sti
wait:
  hlt
  cmp ebx, 3
  jb wait
  cli
  mov dword ptr [edi + 0x10], 0x10030
  mov dword ptr [edi], 0x18
  mov dword ptr [edi + 0x10], 0x8034
  mov dx, 0x3fc
  mov al, 8
  out dx, al
  mov dx, 0x3f9
  mov al, 2
  out dx, al
  mov ebp, 0
  mov ebx, 0
  sti
again:
  cmp ebx, 3
  jb again
  cmp ebp, 0`,
      `inc ebx
  cmp ebx, 3
  jne still
  push eax
  push edx
  mov dx, 0x3fa
  in al, dx
  pop edx
  pop eax
still:
  mov dword ptr [esi + 0xb0], 0`,
    );
    const { stop, machine } = run(source);
    expect(stop).toEqual(PASSED);
    expect(machine.peripherals.local[0]!.apic.output).toBe(false);
  });

  it.each([
    ["MONITOR", [0x0f, 0x01, 0xc8]],
    ["MWAIT", [0x0f, 0x01, 0xc9]],
  ])("has %s where IA32_MISC_ENABLE enables it, as CPUID says, and #UD elsewhere", (_, code) => {
    const source = (enable: boolean): string =>
      guest(
        `mov ecx, 0x1a0
  rdmsr
  ${enable ? "or eax, 0x40000" : "nop"}
  wrmsr
  mov eax, 1
  cpuid
  shr ecx, 3
  and ecx, 1
  mov ebx, ecx
  mov eax, 0x1000
  xor ecx, ecx
  xor edx, edx
  .byte ${code.join(", ")}
  lea eax, [ebx + 4]
  out 0xf4, al`,
        `lea eax, [ebx + 8]
  out 0xf4, al`,
      );
    expect(run(source(true)).stop).toEqual({ kind: "debug-exit", status: 2 * (4 + 1) + 1 });
    expect(run(source(false)).stop).toEqual({ kind: "debug-exit", status: 2 * 8 + 1 });
  });

  it("reports in CPUID the APIC, its ID and the frequency of the time-stamp counter", () => {
    const { processor } = new Machine({ core, ramBytes: 1 << 20 });
    const cpuid = (leaf: number, subleaf = 0): number[] => {
      processor.core.cpuid(leaf, subleaf);
      return [0, 4, 8, 12].map((at) => processor.read32(0x1380 + at));
    };
    const [, ebx, ecx, edx] = cpuid(1);
    expect([ebx! >>> 16, (ecx! >> 21) & 1, (ecx! >> 24) & 1, (edx! >> 9) & 1]).toEqual([1, 1, 1, 1]);
    const [denominator, numerator, crystal] = cpuid(0x15);
    expect((crystal! * numerator!) / denominator!).toBe(3e9);
    expect(cpuid(0xb, 0)).toEqual([0, 1, 0x100, 0]);
    expect(cpuid(0xb, 1)).toEqual([0, 1, 0x201, 0]);
    processor.write64(0x1378, 0xfee0_0000n);
    expect(processor.core.wrmsr(0x1b)).toBe(0);
    expect((cpuid(1)[3]! >> 9) & 1).toBe(0);
  });
});
