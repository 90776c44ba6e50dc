import * as iced from "iced-x86";
import { describe, expect, it } from "vitest";
import { FLOW, MNEMONIC, OP_KIND, REGISTER } from "../../../src/hypervisor/bt/iced-numbers.js";
import { newDecoder } from "./decoder.js";

describe("the decoder", () => {
  it.each([
    ["Mnemonic", MNEMONIC, iced.Mnemonic],
    ["Register", REGISTER, iced.Register],
    ["OpKind", OP_KIND, iced.OpKind],
    ["FlowControl", FLOW, iced.FlowControl],
  ])("numbers of %s are the package's", (_, ours, theirs) => {
    for (const [name, number] of Object.entries(ours))
      expect([name, (theirs as unknown as Record<string, number>)[name]]).toEqual([name, number]);
  });

  it("tells length, kind and the place of a displacement", () => {
    const decoder = newDecoder();
    decoder.begin(64, Uint8Array.of(0x48, 0x8b, 0x05, 0x10, 0, 0, 0, 0x90), 0x1000n);
    decoder.next();
    expect(decoder.length).toBe(7);
    expect(decoder.mnemonic).toBe(MNEMONIC.Mov);
    expect(decoder.isIpRelative).toBe(true);
    expect(decoder.ipRelativeAddress).toBe(0x1017n);
    expect(decoder.displacementOffset).toBe(3);
    decoder.next();
    expect(decoder.length).toBe(1);
    decoder.begin(32, Uint8Array.of(0xeb, 0xfe), 0x1000n);
    decoder.next();
    expect(decoder.flow).toBe(FLOW.UnconditionalBranch);
    expect(decoder.branchTarget).toBe(0x1000n);
    decoder.begin(64, Uint8Array.of(0x48, 0x81), 0x1000n);
    decoder.next();
    expect(decoder.length).toBeGreaterThan(2);
  });
});
