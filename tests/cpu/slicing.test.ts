import { beforeAll, describe, expect, it } from "vitest";
import { loadAssembler } from "../../src/guests/assemble.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_DEADLINE } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";
import { generator } from "./random.js";

const assemble = await loadAssembler();

const CODE = 0x10000;
const IDT = 0x8000;
const TSS_FREE_STACK = 0x1f_0000;

/** Work of every kind: branches, calls, strings, stores into code, MMIO, an instruction across pages, a fault. */
const PROGRAM = `.code64
  mov rsp, ${TSS_FREE_STACK}
  lidt [rip + idtr]
  mov ebp, 6
again:
  mov ecx, 300
spin: imul eax, ecx
  add rdx, rax
  adc rdx, 3
  dec ecx
  jnz spin
  mov rsi, 0x100f00
  mov rdi, 0x120123
  mov ecx, 5000
  rep movsb
  mov rdi, 0x130ff0
  mov ecx, 777
  rep stosq
  call far_away
  inc byte ptr [rip + patched + 2]
  mov rbx, 0x20000000
  mov eax, dword ptr [rbx]
patched:
  add ebx, 1
  in al, 0x80
  mov rax, 0x7fffffffff
  mov rax, qword ptr [rax]
  add r9, rbx
  dec ebp
  jnz again
done: jmp done
idtr: .word 0xfff
  .quad ${IDT}
fault:
  add rsp, 8
  add qword ptr [rsp], 3
  inc r8
  iretq
.balign 0x1000
  .skip 0xfe0
far_away:
  mov r10, 0x1122334455667788
  mov r11, 0x1122334455667788
  mov r12, 0x1122334455667788
  mov r13, 0x1122334455667788
  mov r14, 0x1122334455667788
  push r14
  pop r15
  ret
`;

function load(core: BareCore): void {
  const { bytes, symbols } = assemble(PROGRAM, { origin: CODE });
  core.ram(0, core.ramBytes).fill(0);
  core.write(CODE, bytes);
  const gate = new DataView(new ArrayBuffer(16));
  gate.setUint16(0, symbols.fault & 0xffff, true);
  gate.setUint16(2, 8, true);
  gate.setUint16(4, 0x8e00, true);
  gate.setUint16(6, symbols.fault >>> 16, true);
  for (let vector = 0; vector < 256; vector++) core.write(IDT + 16 * vector, new Uint8Array(gate.buffer));
  const gdt = new DataView(new ArrayBuffer(24));
  gdt.setBigUint64(8, 0x00af_9b00_0000_ffffn, true);
  gdt.setBigUint64(16, 0x00cf_9300_0000_ffffn, true);
  core.write(0x7000, new Uint8Array(gdt.buffer));
  core.mode(64, CODE);
  core.set64(S.GDTR_BASE, 0x7000);
  core.view.setUint32(S.GDTR_LIMIT, 23, true);
  core.view.setUint32(S.COST_WALK_REFERENCE, 7, true);
  core.view.setUint32(S.COST_DELIVERY, 100, true);
}

/** Everything that software could notice, and the counters. */
function state(core: BareCore): string {
  const window = core.bytes.slice(S.GPR, S.DEADLINE);
  const rest = core.bytes.slice(S.CR0, S.GDTR_BASE);
  let hash = 0;
  for (const byte of core.ram(0, 0x20_0000)) hash = (Math.imul(hash, 31) + byte) | 0;
  return `${Buffer.from(window).toString("hex")} ${Buffer.from(rest).toString("hex")} ${hash}`;
}

const TOTAL = 23_000;

describe("slicing a run changes nothing", () => {
  let reference: string;
  beforeAll(() => {
    const core = new BareCore();
    load(core);
    expect(core.core.run(TOTAL)).toBe(STOP_BUDGET);
    expect(core.register(8)).toBeGreaterThan(4n);
    reference = state(core);
  });

  it.each([1, 2, 3, 7, 64, 1000])("slices of %i instructions", (slice) => {
    const core = new BareCore();
    load(core);
    for (let left = TOTAL; left > 0; left -= slice) {
      expect(core.core.run(Math.min(slice, left))).toBe(STOP_BUDGET);
    }
    expect(state(core)).toBe(reference);
  });

  it("slices by deadline, and stops at the first boundary at or after it", () => {
    const random = generator(5);
    const core = new BareCore();
    const single = new BareCore();
    load(core);
    load(single);
    for (let n = 0; n < 300; n++) {
      const deadline = core.get64(S.CYCLES) + BigInt(1 + (random() % 150));
      core.set64(S.DEADLINE, deadline);
      expect(core.core.run(1e9)).toBe(STOP_DEADLINE);
      while (single.get64(S.CYCLES) < deadline) {
        single.set64(S.DEADLINE, deadline);
        single.core.run(1);
      }
      expect(single.get64(S.INSTRUCTIONS)).toBe(core.get64(S.INSTRUCTIONS));
      expect(single.get64(S.CYCLES)).toBe(core.get64(S.CYCLES));
      expect(single.rip).toBe(core.rip);
    }
  });
});
