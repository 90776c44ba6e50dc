import { beforeEach, describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_SHUTDOWN } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";

const CODE = 0x10000;
const RAX = 0;
const RBX = 3;

describe("code that changes, and code across pages", () => {
  let core: BareCore;
  const start = (address: number, ...bytes: number[]): void => {
    core.write(address, bytes);
    core.mode(64, address);
  };
  beforeEach(() => {
    core = new BareCore();
  });

  it("a store into the next instruction of the same block is seen by it", () => {
    // mov byte ptr [rip + 1], 0x22; mov al, 0x11
    start(CODE, 0xc6, 0x05, 1, 0, 0, 0, 0x22, 0xb0, 0x11, 0xeb, 0xfe);
    // A block that begins with the second instruction is known when the first changes it, and the budget allows blocks.
    core.set64(S.RIP, CODE + 7);
    expect(core.core.run(10)).toBe(STOP_BUDGET);
    expect(core.register(RAX)).toBe(0x11n);
    core.set64(S.RIP, CODE);
    expect(core.core.run(10)).toBe(STOP_BUDGET);
    expect(core.register(RAX)).toBe(0x22n);
  });

  it("a loop that was executed, was changed, and is executed again", () => {
    // inc eax; jmp back
    start(CODE, 0xff, 0xc0, 0xeb, 0xfc);
    core.core.run(1000);
    expect(core.register(RAX)).toBe(500n);
    core.write(CODE, [0xff, 0xc3]); // inc ebx, from outside
    core.core.run(1000);
    expect(core.register(RAX)).toBe(500n);
    expect(core.register(RBX)).toBe(500n);
  });

  it("REP STOSB over the code that follows it", () => {
    // rep stosb; inc ebx, twice, that become NOPs
    start(CODE, 0xf3, 0xaa, 0xff, 0xc3, 0xff, 0xc3, 0xeb, 0xfe);
    core.set64(S.RIP, CODE + 2);
    expect(core.core.run(10)).toBe(STOP_BUDGET);
    expect(core.register(RBX)).toBe(2n);
    core.set64(S.RIP, CODE);
    core.setRegister(RAX, 0x90);
    core.setRegister(1, 4);
    core.setRegister(7, CODE + 2);
    core.core.stateChanged();
    expect(core.core.run(10)).toBe(STOP_BUDGET);
    expect(core.rip).toBe(CODE + 6);
    expect(core.register(RBX)).toBe(2n);
  });

  it.each([1, 10])("REP STOSB over itself, in slices of %i", (slice) => {
    // rep stosb turns its prefix and then itself into NOPs: the second store is of an instruction without REP
    start(CODE, 0xf3, 0xaa, 0xeb, 0xfe);
    core.setRegister(RAX, 0x90);
    core.setRegister(1, 100);
    core.setRegister(7, CODE);
    for (let i = 0; i < 10; i += slice) expect(core.core.run(slice)).toBe(STOP_BUDGET);
    expect(core.register(7)).toBe(BigInt(CODE + 2));
    expect(core.register(1)).toBe(99n);
    expect([...core.ram(CODE, 4)]).toEqual([0x90, 0x90, 0xeb, 0xfe]);
  });

  it("an instruction whose end lies on the next page", () => {
    // mov rax, imm64 at the end of a page, three bytes on it
    start(CODE + 0xffd, 0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
    core.core.run(1);
    expect(core.register(RAX)).toBe(0x1122_3344_5566_7788n);
    expect(core.rip).toBe(CODE + 0x1007);
  });

  it("faults on the page of the missing byte, with RIP at the instruction", () => {
    // the last mapped bytes of the first GiB: beyond RAM they would be all ones, so the page before is made the last
    const last = 0x20_0000;
    start(last - 2, 0x48, 0xb8);
    const directory = 0x3000;
    core.write(directory + 8, [0, 0, 0, 0, 0, 0, 0, 0]);
    core.core.flushTlb();
    expect(core.core.run(1)).toBe(STOP_SHUTDOWN);
    expect(core.get64(S.CR2)).toBe(BigInt(last));
    expect(core.rip).toBe(last - 2);
    expect(core.get64(S.INSTRUCTIONS)).toBe(0n);
  });

  it("more than 15 bytes are no instruction, 15 are", () => {
    start(CODE, ...new Array<number>(14).fill(0x66), 0x90);
    expect(core.core.run(1)).toBe(STOP_BUDGET);
    start(CODE, ...new Array<number>(15).fill(0x66), 0x90);
    expect(core.core.run(1)).toBe(STOP_SHUTDOWN);
  });
});
