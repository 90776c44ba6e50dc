import { describe, expect, it } from "vitest";
import { Session, type SessionOptions } from "../../src/experiments/session.js";
import type { ExitHandler } from "../../src/hypervisor/vcpu.js";
import { CPUID, HLT, IO_INSTRUCTION } from "../../src/spec/exit-reasons.js";
import { builtIn, core, decoder, DEBUG_EXIT, guest } from "./guest.js";

const RAM = 16 * 2 ** 20;

function session(image: Uint8Array, options: Partial<SessionOptions> = {}): Session {
  return Session.create({ core, decoder, image, name: "test", cpuMode: "vtx", ramBytes: RAM, ...options });
}

function finished(image: Uint8Array, options: Partial<SessionOptions> = {}): Session {
  const run = session(image, options);
  run.run();
  return run;
}

describe("a run to its end", () => {
  it("says the same on the console natively and in a VM, but for the hypervisor's line", () => {
    const lines = (["native", "vtx", "bt"] as const).map((cpuMode) =>
      finished(builtIn("hello"), { cpuMode }).view().console.split("\n"),
    );
    const [native, vtx] = lines;
    expect(native.length).toBeGreaterThan(5);
    expect(vtx.join("\n")).toContain("Ring-1Ring-1");
    const different = native.filter((line, i) => line !== vtx[i]);
    expect(different.length, different.join("\n")).toBeLessThanOrEqual(2);
  });

  it.each([
    ["prime", "1000"],
    ["sieve", "1"],
    ["memory-walk", "1"],
    ["fib", "15"],
  ])("%s %s: computes the same natively and in a VM", (name, commandLine) => {
    const options = { commandLine, trace: false } as const;
    const native = finished(builtIn(name), { ...options, cpuMode: "native" });
    const vtx = finished(builtIn(name), options);
    expect(native.ending?.kind).toBe("power-off");
    expect(vtx.view().console).toBe(native.view().console);
    expect(vtx.ending).toMatchObject({ kind: "power-off", status: 0 });
  });

  it("ends with 2v + 1 for a debug exit of v, in both modes", () => {
    for (const cpuMode of ["native", "vtx", "bt"] as const) {
      const run = finished(guest(`main: mov eax, 21\n${DEBUG_EXIT}\nhlt`), { cpuMode });
      expect(run.ending).toMatchObject({ kind: "debug-exit", status: 43 });
    }
  });

  it("ends with 126 for a triple fault, in both modes", () => {
    for (const cpuMode of ["native", "vtx", "bt"] as const) {
      const run = finished(builtIn("triple-fault"), { cpuMode });
      expect(run.ending).toMatchObject({ kind: "triple-fault", status: 126 });
      expect(run.view().console).toContain("empty IDT");
    }
  });

  it("ends with 124 when the budget of an endless guest is used up, in both modes", () => {
    for (const cpuMode of ["native", "vtx", "bt"] as const) {
      const run = finished(builtIn("endless"), { cpuMode, maxInstructions: 1_000_000 });
      expect(run.ending).toMatchObject({ kind: "budget-exhausted", status: 124 });
      expect(run.ending?.message).toContain("1,000,000");
    }
  });

  it("ends when a halted guest can never be woken, in both modes", () => {
    for (const cpuMode of ["native", "vtx", "bt"] as const) {
      for (const how of ["cli", "sti"]) {
        const run = finished(guest(`main: ${how}\nhlt\n${DEBUG_EXIT}`), { cpuMode });
        expect(run.ending, `${cpuMode} ${how}`).toMatchObject({ kind: "halted", status: 124 });
      }
    }
  });
});

describe("exits", () => {
  it("counts every one by its reason", () => {
    const image = guest(`
      main:
        xor eax, eax
        cpuid
        cpuid
        mov ecx, 0x3a
        rdmsr
        in al, 0x60
        out 0x80, al
        ret`);
    const { exits, moment } = finished(image).view();
    expect(Object.fromEntries(exits.map(({ name, count }) => [name, count]))).toEqual({
      CPUID: 2,
      RDMSR: 1,
      IO_INSTRUCTION: 3,
    });
    expect(moment.exits).toBe(6);
    for (const exit of exits.filter(({ name }) => name !== "IO_INSTRUCTION")) {
      expect(exit.cycles / exit.count, exit.name).toBeGreaterThan(500);
      expect(exit.cycles / exit.count, exit.name).toBeLessThan(3000);
    }
  });

  it("stops with the exit pending, and handles it with a step", () => {
    const run = session(guest("main: mov eax, 1\ncpuid\nmov ebx, 7\nhlt"));
    expect(run.runToExit([CPUID])).toEqual({ kind: "exit" });
    const pending = run.view();
    expect(pending).toMatchObject({
      phase: "hypervisor",
      ring: -1,
      words: "paused in the hypervisor, exit 10: CPUID",
      exit: { reason: CPUID, name: "CPUID", instructionLength: 2 },
    });
    const rip = pending.registers.find(({ name }) => name === "RIP")!.value;
    run.step();
    const after = run.view();
    expect(after).toMatchObject({ phase: "guest", ring: 0, exit: null });
    expect(after.registers.find(({ name }) => name === "RIP")!.value).toBe(rip + 2n);
    expect(after.moment.instructions).toBe(pending.moment.instructions);
    run.step();
    expect(run.view().registers.find(({ name }) => name === "RBX")!.value).toBe(7n);
  });

  it("goes to the exits of the asked-for reasons only", () => {
    const run = session(guest("main: cpuid\nout 0x80, al\ncpuid\nhlt"));
    const seen: string[] = [];
    while (run.runToExit([IO_INSTRUCTION, HLT]).kind === "exit") seen.push(run.view().exit!.name);
    expect(seen).toEqual(["IO_INSTRUCTION", "HLT"]);
  });

  it("shows a new session as ready, with the image's registers", () => {
    for (const cpuMode of ["native", "vtx", "bt"] as const) {
      const view = session(builtIn("hello"), { cpuMode }).view();
      expect(view).toMatchObject({ phase: "ready", moment: { instructions: 0, exits: 0 }, ending: null });
      expect(view.registers.find(({ name }) => name === "RAX")!.value).toBe(0x2bad_b002n);
    }
  });
});

describe("parts that misbehave", () => {
  const image = guest("main: mov eax, 1\ncpuid\nhlt");
  const withCpuid = (handler: unknown): Session =>
    finished(image, { parts: { exits: { CPUID: handler as ExitHandler } } });

  it("that throw end the run and are named with their place", () => {
    const run = withCpuid(() => {
      throw new TypeError("no idea");
    });
    expect(run.ending).toMatchObject({ kind: "part-error", status: 125 });
    expect(run.ending?.message).toMatch(
      /^The exit handler for CPUID threw TypeError: no idea \(line \d+, column \d+ of session\.test\.ts\)\.$/,
    );
  });

  it.each([["maybe"], [undefined], [42], [null], [{}], [Promise.resolve("resume")]])(
    "that return %s too",
    (value) => {
      const run = withCpuid(() => value);
      expect(run.ending?.kind).toBe("part-error");
      expect(run.ending?.message).toContain('it may return "resume", "halt", "power-off", "shutdown"');
    },
  );

  it("that throw what cannot be looked at too", () => {
    const run = withCpuid(() => {
      throw new Proxy(new Error("x"), {
        get() {
          throw new Error("no");
        },
      });
    });
    expect(run.ending?.kind).toBe("part-error");
  });

  it("that forget to advance are told so", () => {
    const run = withCpuid(() => "resume");
    expect(run.ending).toMatchObject({ kind: "budget-exhausted", status: 124 });
    expect(run.ending?.message).toBe(
      "The guest re-executed the same CPUID 1000 times: does the handler call advance()?",
    );
  });

  it("that ruin the guest state end the run with the rule, the field, its value and the section", () => {
    const run = withCpuid((vcpu: Parameters<ExitHandler>[0]) => {
      vcpu.vmwrite(0x6820, 0n);
      return "resume";
    });
    expect(run.ending).toMatchObject({ kind: "entry-failure", status: 125 });
    expect(run.ending?.message).toMatch(/GUEST_RFLAGS = 0x0: .*SDM Vol\. 3, 27\.3\.1/);
  });

  it("that ruin a control end the run with the VM-instruction error", () => {
    const run = withCpuid((vcpu: Parameters<ExitHandler>[0]) => {
      vcpu.vmwrite(0x4002, 0n);
      return "resume";
    });
    expect(run.ending?.kind).toBe("entry-failure");
    expect(run.ending?.message).toMatch(/VM-instruction error 7.*PRIMARY_CONTROLS = 0x0/);
  });

  it("that write a read-only or unknown VMCS field, or inject nonsense, end the run with what was wrong", () => {
    const messages = [
      (vcpu: Parameters<ExitHandler>[0]) => vcpu.vmwrite(0x4402, 1n),
      (vcpu: Parameters<ExitHandler>[0]) => vcpu.vmread(0x7ffe),
      (vcpu: Parameters<ExitHandler>[0]) => vcpu.inject({ vector: 14, type: "exception" }),
      (vcpu: Parameters<ExitHandler>[0]) => vcpu.inject({ vector: 6, type: "exception", errorCode: 0 }),
      (vcpu: Parameters<ExitHandler>[0]) => void (vcpu.registers.rax = 1 as unknown as bigint),
    ].map((act) => withCpuid((vcpu: Parameters<ExitHandler>[0]) => (act(vcpu), "resume")).ending?.message);
    expect(messages).toEqual([
      expect.stringContaining("read-only VMCS component"),
      expect.stringContaining("unsupported VMCS component"),
      expect.stringContaining("exception 14 pushes an error code"),
      expect.stringContaining("exception 6 pushes no error code"),
      expect.stringContaining("expected a bigint"),
    ]);
  });

  it("may power the VM off or shut it down", () => {
    expect(withCpuid(() => "power-off").ending?.kind).toBe("power-off");
    expect(withCpuid(() => "shutdown").ending?.message).toBe("The exit handler for CPUID shut the VM down.");
  });

  it("that cannot set the VM up end the run before it begins", () => {
    const run = finished(image, {
      parts: {
        memory: () => {
          throw new Error("no memory today");
        },
      },
    });
    expect(run.ending?.message).toContain("no memory today");
    expect(run.view().phase).toBe("ended");
  });
});

describe("images that cannot be loaded", () => {
  it.each([
    ["empty", new Uint8Array(0)],
    ["noise", Uint8Array.from({ length: 4096 }, (_, i) => (i * 37) & 0xff)],
    ["truncated", builtIn("hello").slice(0, 24)],
  ])("%s", (_, image) => {
    expect(() => session(image)).toThrow(expect.objectContaining({ name: "ImageError" }));
  });

  it("larger than RAM", () => {
    expect(() => session(builtIn("hello"), { ramBytes: 2 ** 20 })).toThrow(
      expect.objectContaining({ name: "ImageError" }),
    );
  });
});
