import { vi } from "vitest";
import { FLAG_IF } from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import * as STOP from "../../src/spec/stops.js";

/** What an instruction of the fake may do. */
export interface FakeBoard {
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  mmioRead(address: number, size: number): number;
  mmioWrite(address: number, size: number, value: number): void;
  acknowledgeInterrupt(): number;
}
export type FakeInstruction = (board: FakeBoard, cpu: FakeCpu) => void;

export interface FakeCpu {
  view: DataView;
  jump(index: number): void;
  halt(): void;
  /** The processor stops for this reason behind the instruction. */
  stop(reason: number): void;
  setInterruptFlag(on: boolean): void;
}

/** Kept from before the stub takes its place. */
const { Memory } = WebAssembly;
const RAM_BYTES = 1 << 20;
const CYCLES_EACH = 7n;

/**
 * Mounts a processor made of JavaScript: each instruction is a function and takes 7 cycles, an interrupt calls
 * `onInterrupt` with its vector. Stops exactly where spec/stops says, so that the board's run loop can be tested alone.
 */
export function mountFakeCore(
  program: readonly FakeInstruction[],
  onInterrupt: (vector: number) => void = () => {},
): void {
  const memory = new Memory({ initial: 0x300_0000 / 65536 });
  const view = new DataView(memory.buffer);
  const u64 = (at: number, change: (value: bigint) => bigint): void =>
    view.setBigUint64(at, change(view.getBigUint64(at, true)), true);
  let stopReason = -1;
  let line = 0;
  view.setBigUint64(S.PREEMPTION_DEADLINE, 2n ** 64n - 1n, true);

  function exportsFor(board: FakeBoard): object {
    const cpu: FakeCpu = {
      view,
      jump: (index) => u64(S.RIP, () => BigInt(index)),
      halt: () => view.setUint32(S.ACTIVITY, 1, true),
      stop: (reason) => (stopReason = reason),
      setInterruptFlag: (on) =>
        u64(S.RFLAGS, (flags) => (on ? flags | BigInt(FLAG_IF) : flags & ~BigInt(FLAG_IF))),
    };
    function boundary(): number {
      if (view.getUint32(S.STOP_REQUEST, true) !== 0) {
        view.setUint32(S.STOP_REQUEST, 0, true);
        return STOP.STOP_REQUESTED;
      }
      if (stopReason >= 0) {
        const reason = stopReason;
        stopReason = -1;
        return reason;
      }
      if (view.getBigUint64(S.CYCLES, true) >= view.getBigUint64(S.DEADLINE, true)) return STOP.STOP_DEADLINE;
      if (line !== 0 && view.getUint32(S.RFLAGS, true) & FLAG_IF) {
        view.setUint32(S.ACTIVITY, 0, true);
        onInterrupt(board.acknowledgeInterrupt());
      }
      return view.getUint32(S.ACTIVITY, true) === 0 ? -1 : STOP.STOP_HALTED;
    }
    return {
      memory,
      run(maxInstructions: number): number {
        for (let left = maxInstructions; ; left--) {
          const why = boundary();
          if (why >= 0) return why;
          if (left === 0) return STOP.STOP_BUDGET;
          const index = view.getUint32(S.RIP, true);
          u64(S.RIP, (rip) => rip + 1n);
          u64(S.CYCLES, (cycles) => cycles + CYCLES_EACH);
          u64(S.INSTRUCTIONS, (instructions) => instructions + 1n);
          (program[index] ?? (() => cpu.stop(STOP.STOP_SHUTDOWN)))(board, cpu);
        }
      },
      reset: () => {},
      stateChanged: () => {},
      setRam: () => {},
      setInterruptLine: (level: number) => {
        line = level;
        view.setUint32(S.INTR_LINE, level, true);
      },
      requestStop: () => view.setUint32(S.STOP_REQUEST, 1, true),
      invalidateCode: () => {},
    };
  }
  vi.stubGlobal("WebAssembly", {
    Instance: class {
      exports: object;
      constructor(_module: unknown, imports: { board: FakeBoard }) {
        this.exports = exportsFor(imports.board);
      }
    },
  });
}

/** Options of a machine around the fake. */
export const FAKE = { core: {} as WebAssembly.Module, ramBytes: RAM_BYTES };
