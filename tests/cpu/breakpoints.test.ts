/** Breakpoints on data (SDM Vol. 3, 18.2): whatever the TLB knows, no access escapes them. */
import { beforeEach, describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_SHUTDOWN } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";

const CODE = 0x1_0000;
const DATA = 0x40_0000;
const [RAX, RBX] = [0, 3];
const STORE = [0x88, 0x03]; // mov [rbx], al
const LOAD = [0x8a, 0x03]; // mov al, [rbx]
const BREAKPOINT_0 = 1n;
/** DR7: breakpoint 0 enabled, on writes of 1 byte. */
const ON_WRITE = 0x1_0401;

let core: BareCore;

function execute(bytes: readonly number[], stop = STOP_BUDGET): void {
  core.write(CODE, [...bytes, 0x90]);
  core.set64(S.RIP, CODE);
  expect(core.core.run(2)).toBe(stop);
}

function move(value: number, ...bytes: number[]): void {
  core.setRegister(RAX, value);
  execute(bytes);
}

function watch(): void {
  move(DATA, 0x0f, 0x23, 0xc0); // mov dr0, rax
  move(ON_WRITE, 0x0f, 0x23, 0xf8); // mov dr7, rax
}

describe("a breakpoint on writes", () => {
  beforeEach(() => {
    core = new BareCore();
    core.mode(64, CODE);
    core.setRegister(RBX, DATA);
    execute(STORE);
    watch();
  });

  /** There is no handler: the processor shuts down, with DR6 written. */
  const expectTrap = (): void => {
    execute(STORE, STOP_SHUTDOWN);
    expect(core.get64(S.DR6) & 0xfn).toBe(BREAKPOINT_0);
  };

  it("is met by a store whose page is cached", expectTrap);

  it("is met after a change of address space", () => {
    move(0x1000, 0x0f, 0x22, 0xd8); // mov cr3, rax
    expectTrap();
  });

  it("is met after the state was replaced", () => {
    core.core.stateChanged();
    expectTrap();
  });

  it("is not met by loads, nor by stores beside it", () => {
    execute(LOAD);
    core.setRegister(RBX, DATA + 1);
    execute(STORE);
    expect(core.get64(S.DR6) & 0xfn).toBe(0n);
  });

  it("is not met once it is disabled", () => {
    move(0x400, 0x0f, 0x23, 0xf8);
    execute(STORE);
    expect(core.get64(S.DR6) & 0xfn).toBe(0n);
  });
});
