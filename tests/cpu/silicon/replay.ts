import { CR0_NE } from "../../../src/spec/control-bits.js";
import * as S from "../../../src/spec/cpu-state.js";
import { STOP_BUDGET } from "../../../src/spec/stops.js";
import { BareCore } from "../bare-core.js";
import { CODE, DATA, DATA_BYTES, type Case, type Outcome } from "./case.js";

const REGISTERS = 32;
const XMM = 160;

/** Runs cases on the simulated processor, in 64-bit mode. */
export class Replay {
  private readonly core = new BareCore();

  constructor() {
    this.core.mode(64, CODE);
  }

  run(test: Case, repeated: boolean): Outcome {
    const { core } = this;
    this.load(test);
    let stop = core.core.run(1);
    while (repeated && stop === STOP_BUDGET && core.rip === CODE) stop = core.core.run(1);
    const ended = stop === STOP_BUDGET && core.rip === CODE + test.code.length;
    return {
      signal: ended ? 0 : 1,
      flags: core.get64(S.RFLAGS),
      registers: Array.from({ length: 16 }, (_, i) => core.register(i)),
      image: this.image(test),
      data: core.ram(DATA, DATA_BYTES),
    };
  }

  private load(test: Case): void {
    const { core } = this;
    core.write(CODE, test.code);
    core.write(DATA, test.data);
    test.registers.forEach((value, i) => core.setRegister(i, value));
    core.set64(S.RIP, CODE);
    core.set64(S.RFLAGS, test.flags);
    core.set64(S.CR0, core.get64(S.CR0) | BigInt(CR0_NE));
    core.view.setUint32(S.ACTIVITY, 0, true);
    const image = new DataView(test.image.buffer, test.image.byteOffset);
    core.bytes.set(test.image.subarray(0, REGISTERS), S.X87_CONTROL);
    const top = (image.getUint16(2, true) >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const from = REGISTERS + 16 * i;
      core.bytes.set(test.image.subarray(from, from + 10), S.X87_REGISTERS + 16 * ((top + i) & 7));
    }
    core.bytes.set(test.image.subarray(XMM, XMM + 256), S.XMM);
    core.core.stateChanged();
  }

  /** What FXSAVE64 would write; bytes that it does not write as they were. */
  private image(test: Case): Uint8Array {
    const { bytes, view } = this.core;
    const image = Uint8Array.from(test.image);
    image.set(bytes.subarray(S.X87_CONTROL, S.X87_CONTROL + 28));
    const top = (view.getUint16(S.X87_STATUS, true) >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const from = S.X87_REGISTERS + 16 * ((top + i) & 7);
      image.set(bytes.subarray(from, from + 10), REGISTERS + 16 * i);
    }
    image.set(bytes.subarray(S.XMM, S.XMM + 256), XMM);
    return image;
  }
}
