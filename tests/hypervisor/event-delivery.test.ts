import { describe, expect, it } from "vitest";
import type { VmxPort } from "../../src/hypervisor/vtx/vmx-port.js";
import { EventDelivery } from "../../src/hypervisor/vtx/event-delivery.js";
import { CR0_PE, FLAG_IF } from "../../src/spec/control-bits.js";
import * as F from "../../src/spec/vmcs-fields.js";
import * as C from "../../src/spec/vmx-controls.js";

const VALID = C.INTERRUPTION_VALID;
const EXCEPTION = C.INTERRUPTION_HARDWARE_EXCEPTION << C.INTERRUPTION_TYPE_SHIFT;

/** A VMCS of plain values and an interrupt controller with a queue of vectors. */
function build(fields: Record<number, number> = {}, vectors: number[] = []) {
  const vmcs = new Map(Object.entries(fields).map(([field, value]) => [Number(field), BigInt(value)]));
  const port = {
    vmread: (field: number) => vmcs.get(field) ?? 0n,
    vmread32: (field: number) => Number(vmcs.get(field) ?? 0n),
    vmwrite: (field: number, value: bigint) => void vmcs.set(field, value),
    record: () => {},
  } as unknown as VmxPort;
  const source = {
    get interruptPending() {
      return vectors.length > 0;
    },
    acknowledgeInterrupt: () => vectors.shift()!,
  };
  const events = new EventDelivery(port, source, { nmiPending: false });
  const entry = (): number => Number(vmcs.get(F.ENTRY_INTERRUPTION_INFORMATION) ?? 0n);
  const window = (): boolean =>
    (Number(vmcs.get(F.PRIMARY_CONTROLS) ?? 0n) & C.PRIMARY_INTERRUPT_WINDOW_EXITING) !== 0;
  return { events, vmcs, entry, window, vectors };
}

describe("an interrupt that waits", () => {
  it("goes in when the guest can take it", () => {
    const { events, entry, window, vectors } = build({ [F.GUEST_RFLAGS]: FLAG_IF }, [0x30]);
    events.beforeEntry();
    expect(entry()).toBe(VALID + 0x30);
    expect(window()).toBe(false);
    expect(vectors).toEqual([]);
  });

  it.each([
    ["interrupts are disabled", { [F.GUEST_RFLAGS]: 2 }],
    ["STI shadows", { [F.GUEST_RFLAGS]: FLAG_IF, [F.GUEST_INTERRUPTIBILITY_STATE]: C.BLOCKING_BY_STI }],
    ["MOV SS shadows", { [F.GUEST_RFLAGS]: FLAG_IF, [F.GUEST_INTERRUPTIBILITY_STATE]: C.BLOCKING_BY_MOV_SS }],
  ])("stays with the controller and asks for the window while %s", (_, fields) => {
    const { events, entry, window, vectors } = build(fields, [0x30]);
    events.beforeEntry();
    expect(entry()).toBe(0);
    expect(window()).toBe(true);
    expect(vectors).toEqual([0x30]);
  });

  it("lets an event that is already going in go first", () => {
    const { events, entry, window, vectors } = build({ [F.GUEST_RFLAGS]: FLAG_IF }, [0x30]);
    events.inject({ vector: 6, type: "exception" });
    events.beforeEntry();
    expect(entry()).toBe(VALID + EXCEPTION + 6);
    expect(window()).toBe(true);
    expect(vectors).toEqual([0x30]);
  });

  it("asks for the window while another one waits behind it", () => {
    const { events, entry, window } = build({ [F.GUEST_RFLAGS]: FLAG_IF }, [0x30, 0x31]);
    events.beforeEntry();
    expect(entry()).toBe(VALID + 0x30);
    expect(window()).toBe(true);
  });
});

describe("an event whose delivery an exit broke", () => {
  it("is delivered again with its error code", () => {
    const information = VALID + C.INTERRUPTION_ERROR_CODE_VALID + EXCEPTION + 14;
    const { events, entry, vmcs } = build({
      [F.IDT_VECTORING_INFORMATION]: information + C.INTERRUPTION_NMI_UNBLOCKING,
      [F.IDT_VECTORING_ERROR_CODE]: 6,
    });
    events.afterExit();
    expect(entry()).toBe(information);
    expect(vmcs.get(F.ENTRY_EXCEPTION_ERROR_CODE)).toBe(6n);
  });

  it("is delivered again with the length of its instruction when that caused it", () => {
    const information = VALID + (C.INTERRUPTION_SOFTWARE_INTERRUPT << C.INTERRUPTION_TYPE_SHIFT) + 0x80;
    const { events, entry, vmcs } = build({
      [F.IDT_VECTORING_INFORMATION]: information,
      [F.EXIT_INSTRUCTION_LENGTH]: 2,
    });
    events.afterExit();
    expect(entry()).toBe(information);
    expect(vmcs.get(F.ENTRY_INSTRUCTION_LENGTH)).toBe(2n);
  });

  it("comes after an exception of the handler when it is an interrupt: it was acknowledged and may not get lost", () => {
    const { events, entry, vmcs, window } = build({
      [F.IDT_VECTORING_INFORMATION]: VALID + 0x31,
      [F.GUEST_RFLAGS]: FLAG_IF,
      [F.GUEST_CR0]: CR0_PE,
    });
    events.afterExit();
    events.inject({ vector: 13, type: "exception", errorCode: 0 });
    events.beforeEntry();
    expect(entry()).toBe(VALID + C.INTERRUPTION_ERROR_CODE_VALID + EXCEPTION + 13);
    expect(window()).toBe(true);
    vmcs.set(F.ENTRY_INTERRUPTION_INFORMATION, 0n);
    events.beforeEntry();
    expect(entry()).toBe(VALID + 0x31);
  });
});

describe("an injected exception", () => {
  it("has no error code in real mode, where VM entry refuses one", () => {
    const { events, entry } = build({ [F.GUEST_CR0]: 0 });
    events.inject({ vector: 13, type: "exception", errorCode: 0 });
    expect(entry()).toBe(VALID + EXCEPTION + 13);
  });
});
