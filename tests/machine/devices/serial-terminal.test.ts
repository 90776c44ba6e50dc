import { describe, expect, it } from "vitest";
import { Serial16550 } from "../../../src/machine/devices/serial-16550.js";
import { SerialTerminal } from "../../../src/machine/devices/serial-terminal.js";

const [RBR, IER, FCR, MCR, LSR] = [0, 1, 2, 4, 5] as const;
const [DATA_READY, OVERRUN] = [1, 2] as const;
const DTR = 1;
const RTS = 2;
const LOOP = 0x10;

function line(): { port: Serial16550; terminal: SerialTerminal; drain: () => number[] } {
  const port = new Serial16550(
    () => {},
    () => {},
  );
  const terminal = new SerialTerminal(port);
  const drain = (): number[] => {
    const got: number[] = [];
    for (;;) {
      const status = port.device.read(LSR, 1);
      expect(status & OVERRUN).toBe(0);
      if ((status & DATA_READY) === 0) return got;
      got.push(port.device.read(RBR, 1));
    }
  };
  return { port, terminal, drain };
}

const bytes = (length: number): number[] => Array.from({ length }, (_, i) => i & 0xff);

describe("a terminal on a serial line", () => {
  it.each([
    ["without FIFOs", 0],
    ["with FIFOs", 1],
  ])("loses nothing of a long input %s", (_name, fifos) => {
    const { port, terminal, drain } = line();
    port.device.write(FCR, 1, fifos);
    port.device.write(MCR, 1, RTS);
    terminal.type(bytes(300));
    expect(drain()).toEqual(bytes(300));
    terminal.type([7]);
    expect(drain()).toEqual([7]);
  });

  it("waits until software asserts RTS, however often it resets its FIFOs before", () => {
    const { port, terminal, drain } = line();
    terminal.type(bytes(40));
    port.device.write(MCR, 1, LOOP | 0x0a);
    port.device.write(MCR, 1, 0);
    port.device.write(FCR, 1, 7);
    expect(drain()).toEqual([]);
    port.device.write(MCR, 1, RTS);
    expect(drain()).toEqual(bytes(40));
  });

  it("sends to software that enables the received-data interrupt instead", () => {
    const { port, terminal, drain } = line();
    port.device.write(MCR, 1, 8);
    terminal.type([1]);
    expect(drain()).toEqual([]);
    port.device.write(IER, 1, 1);
    expect(drain()).toEqual([1]);
  });

  it("waits for RTS of software that shakes hands, whatever interrupts it has enabled", () => {
    const { port, terminal, drain } = line();
    port.device.write(MCR, 1, 8 | DTR);
    port.device.write(IER, 1, 1);
    terminal.type(bytes(20));
    port.device.write(FCR, 1, 1);
    port.device.write(MCR, 1, 8 | DTR | RTS);
    expect(drain()).toEqual(bytes(20));
  });

  it("sends to software that polls and knows of no modem control", () => {
    const { port, terminal } = line();
    terminal.type([1, 2]);
    expect(port.device.read(LSR, 1) & DATA_READY).toBe(0);
    expect(port.device.read(LSR, 1) & DATA_READY).toBe(1);
    expect(port.device.read(RBR, 1)).toBe(1);
    port.device.read(LSR, 1);
    expect(port.device.read(RBR, 1)).toBe(2);
  });

  it("sends nothing into a loop", () => {
    const { port, terminal, drain } = line();
    port.device.write(MCR, 1, RTS | LOOP);
    terminal.type([1]);
    expect(drain()).toEqual([]);
  });
});
