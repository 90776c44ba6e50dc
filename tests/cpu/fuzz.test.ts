import { describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_DEADLINE, STOP_HALTED, STOP_SHUTDOWN } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";
import { generator } from "./random.js";

const CODE = 0x10_0000;

const floatingState = (core: BareCore): string =>
  Buffer.from(core.bytes.subarray(S.X87_CONTROL, S.EXTENDED_STATE_END)).toString("hex");

describe.each([16, 32, 64] as const)("random bytes as %i-bit code", (bits) => {
  it("neither trap nor hang the core, in one run as in many", () => {
    const whole = new BareCore(4 << 20);
    const sliced = new BareCore(4 << 20);
    const code = bits === 16 ? 0x8000 : CODE;
    for (let seed = 1; seed <= 300; seed++) {
      for (const core of [whole, sliced]) {
        const random = generator(seed * 7919);
        core.ram(0x4000, 0x20_0000).fill(0);
        core.write(
          code,
          Uint8Array.from({ length: 4096 }, () => random() >>> 8),
        );
        core.core.reset();
        core.mode(bits, code);
        for (let i = 0; i < 16; i++) core.setRegister(i, random() % 2 ? random() : random() & 0x1f_ffff);
        core.setRegister(4, 0x9000);
        core.core.stateChanged();
      }
      const ends = [STOP_BUDGET, STOP_DEADLINE, STOP_HALTED, STOP_SHUTDOWN];
      const stop = whole.core.run(3000);
      expect(ends).toContain(stop);
      let other = STOP_BUDGET;
      for (let left = 3000; left > 0 && other === STOP_BUDGET; left -= 11)
        other = sliced.core.run(Math.min(11, left));
      expect(other, `seed ${seed}`).toBe(stop);
      for (let i = 0; i < 16; i++)
        expect(sliced.register(i), `seed ${seed}, register ${i}`).toBe(whole.register(i));
      expect(floatingState(sliced), `seed ${seed}`).toBe(floatingState(whole));
      for (const field of [S.RIP, S.RFLAGS, S.INSTRUCTIONS, S.CYCLES]) {
        expect(sliced.get64(field), `seed ${seed}, field ${field.toString(16)}`).toBe(whole.get64(field));
      }
    }
  });
});
