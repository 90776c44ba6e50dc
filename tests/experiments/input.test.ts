import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { core, decoder, guest } from "./guest.js";

const RAM = 16 * 2 ** 20;
const RBR = 0x3f8;
const LSR = 0x3fd;

/** Echoes what it reads until a full stop, and powers off. Polls. */
const POLLING = guest(`
main:
  mov edx, ${LSR}
  in al, dx
  test al, 1
  jz main
  mov edx, ${RBR}
  in al, dx
  out dx, al
  cmp al, 0x2e
  jne main
  ret`);

/** The same, asleep between interrupts of the serial port. */
const SLEEPING = guest(`
main:
  lea rax, [irq]
  mov word ptr [idt + 0x24 * 16], ax
  shr rax, 16
  mov word ptr [idt + 0x24 * 16 + 6], ax
  shr rax, 16
  mov dword ptr [idt + 0x24 * 16 + 8], eax
  mov ax, cs
  mov word ptr [idt + 0x24 * 16 + 2], ax
  lidt [idtr]
  ${[
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 4],
    [0x21, 1],
    [0x21, 0xef],
  ]
    .map(([port, value]) => `mov al, ${value}\nout ${port}, al`)
    .join("\n")}
  ${[
    [0x3fc, 0x0b],
    [0x3f9, 1],
  ]
    .map(([port, value]) => `mov edx, ${port}\nmov al, ${value}\nout dx, al`)
    .join("\n")}
sleep:
  sti
  hlt
  cmp byte ptr [rip + last], 0x2e
  jne sleep
  ret
irq:
  push rax
  push rdx
  mov edx, ${RBR}
  in al, dx
  out dx, al
  mov byte ptr [last], al
  mov al, 0x20
  out 0x20, al
  pop rdx
  pop rax
  iretq
last: .byte 0
.balign 8
idtr: .word 0x24 * 16 + 15
  .quad idt
.balign 16
idt: .skip 0x24 * 16
  .quad 0x8e0000000000
  .quad 0`);

const TEXT = "typed at the console, and longer than a FIFO.";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const cases = (["native", "vtx", "bt"] as const).flatMap((cpuMode) => [
  ["polling", cpuMode, POLLING] as const,
  ["sleeping", cpuMode, SLEEPING] as const,
]);

const create = (image: Uint8Array, cpuMode: CpuMode): Session =>
  Session.create({ core, decoder, image, name: "echo", cpuMode, ramBytes: RAM });

function facts(session: Session): unknown {
  const view = session.view();
  return { view, trace: session.trace(0, view.traceCount) };
}

/** Runs to the end, typing what is due at each position or, with the guest halted, at once. */
function runTyping(session: Session, plan: readonly (readonly [position: number, text: string])[]): void {
  for (const [position, text] of plan) {
    session.run({ instructions: position - (session.moment.position ?? 0) });
    session.type(bytes(text));
  }
  session.run();
}

describe.each(cases)("a %s guest that echoes, %s", (_name, cpuMode, image) => {
  it("reads all that was typed before it ran", () => {
    const session = create(image, cpuMode);
    session.type(bytes(TEXT));
    session.run();
    expect(session.ending?.kind).toBe("power-off");
    expect(session.view().console).toBe(TEXT);
  });

  it("does the same to the last cycle, however the run is sliced", () => {
    const plan = [
      [40, "a"],
      [500, TEXT.slice(0, 30)],
      [2_000, TEXT.slice(30)],
    ] as const;
    const reference = create(image, cpuMode);
    runTyping(reference, plan);
    expect(reference.view().console).toBe(`a${TEXT}`);
    for (const slice of [1, 7, 333]) {
      const session = create(image, cpuMode);
      for (const [position, text] of plan) {
        while (session.moment.position! < position && !session.ending) {
          session.run({ instructions: Math.min(slice, position - session.moment.position!) });
        }
        session.type(bytes(text));
      }
      while (session.run({ instructions: slice }).kind !== "ended");
      expect(facts(session)).toEqual(facts(reference));
    }
  });

  it("types again in a replay, and forgets it after a reset", () => {
    const session = create(image, cpuMode);
    session.run({ instructions: 700 });
    session.type(bytes("one "));
    session.run({ instructions: 2_500 });
    const between = session.view();
    session.type(bytes(TEXT));
    session.run();
    const end = facts(session);
    session.seek(between.moment);
    expect(session.view()).toMatchObject({ console: "one ", moment: between.moment, cycles: between.cycles });
    session.run();
    expect(facts(session)).toEqual(end);
    session.back();
    session.step();
    expect(facts(session)).toEqual(end);
    session.reset();
    session.run({ instructions: 50_000 });
    expect(session.view().console).toBe("");
    session.type(bytes("."));
    session.run();
    expect(session.view().console).toBe(".");
  });

  it("types nothing of a future that is typed over", () => {
    const session = create(image, cpuMode);
    session.run({ instructions: 50 });
    const early = session.moment;
    session.run({ instructions: 3_000 });
    session.type(bytes("lost."));
    session.run();
    session.seek(early);
    session.type(bytes("kept."));
    session.run();
    expect(session.view().console).toBe("kept.");
  });
});

describe("input for a guest that has halted for good", () => {
  it.each(["native", "vtx", "bt"] as const)("wakes it, and wakes it again in a replay, %s", (cpuMode) => {
    const session = create(SLEEPING, cpuMode);
    session.run();
    expect(session.ending?.kind).toBe("halted");
    session.type(bytes("zz"));
    expect(session.ending).toBeNull();
    session.run();
    expect(session.ending?.kind).toBe("halted");
    const asleep = session.view();
    session.type(bytes("."));
    session.run();
    expect(session.ending?.kind).toBe("power-off");
    const end = facts(session);
    session.back();
    session.run();
    expect(facts(session)).toEqual(end);
    session.seek({ ...asleep.moment, position: asleep.moment.position! - 1 });
    session.step();
    expect(session.view().console).toBe("zz");
    session.run();
    expect(facts(session)).toEqual(end);
  });

  it("comes too late for one that has ended", () => {
    const session = create(guest("main: ret"), "vtx");
    session.run();
    session.type(bytes("hello?"));
    expect(session.ending?.kind).toBe("power-off");
  });
});

describe("input in a VM", () => {
  it("costs the hypervisor an external interrupt while the guest runs, and none while it sleeps", () => {
    const external = (session: Session): number =>
      session.view().exits.find(({ name }) => name === "EXTERNAL_INTERRUPT")?.count ?? 0;
    const polling = create(POLLING, "vtx");
    runTyping(polling, [
      [100, "a"],
      [5_000, "."],
    ]);
    expect(external(polling)).toBe(2);
    const sleeping = create(SLEEPING, "vtx");
    sleeping.run();
    sleeping.type(bytes("."));
    sleeping.run();
    expect(external(sleeping)).toBe(0);
  });
});
