import { rom } from "../machine/devices/rom.js";
import { withTables } from "../machine/acpi/tables.js";
import type { StartState } from "../machine/start-state.js";
import { SERIAL_COM1 } from "../spec/ports.js";
import type { CpuBackend } from "./cpu-backend.js";
import type { VmEnding } from "./ending.js";
import { VirtualBoard } from "./io/board.js";
import { PhysicalInterrupts } from "./io/physical-interrupts.js";
import { VirtualPins } from "./io/virtual-pins.js";
import { FrameAllocator } from "./memory/frame-allocator.js";
import { GuestMemory } from "./memory/guest-memory.js";
import { FRAMES_BASE, GUEST_RAM_BASE } from "./memory/layout.js";
import type { HardwarePort } from "./port.js";
import { VirtualProcessor } from "./virtual-processor.js";

/** What one virtual machine is made of. */
export interface VmOptions {
  /** What runs its virtual CPUs. */
  backend: CpuBackend;
  /** RAM of the VM, bytes; the machine has that much from {@link GUEST_RAM_BASE} on. */
  guestBytes: number;
  /** What to start in it. */
  image: StartState;
  /** Virtual CPUs; one unless given. */
  processors?: number;
}

/** One virtual machine, ready to be entered for the first time. */
export class VirtualMachine {
  readonly board: VirtualBoard;
  /** Of the machine, not of the VM. */
  readonly interrupts: PhysicalInterrupts;
  readonly processors: readonly VirtualProcessor[];
  /** Cycle at which the VM's time began. */
  readonly start: number;
  /** Set when a device of the VM ended it. */
  ending: VmEnding | null = null;
  readonly backend: CpuBackend;
  #current = 0;

  constructor({ backend, guestBytes, image, processors = 1 }: VmOptions) {
    this.backend = backend;
    const { port } = backend;
    this.interrupts = new PhysicalInterrupts(port, (bytes) => this.board.terminal.type(bytes));
    this.start = port.cycles;
    const pins = Array.from({ length: processors }, () => new VirtualPins());
    this.board = this.#buildBoard(guestBytes, pins);
    for (const { address, bytes } of image.rom ?? [])
      this.board.peripherals.mmio.register(address, bytes.length, rom(bytes));
    const guestMemory = new GuestMemory(port.memory, GUEST_RAM_BASE, guestBytes);
    guestMemory.load(withTables(image, guestBytes, processors));
    const { board, interrupts, start } = this;
    const frames = new FrameAllocator(port.memory, FRAMES_BASE, GUEST_RAM_BASE);
    this.processors = backend
      .build({ board, interrupts, pins, frames, guestMemory, image, start })
      .map((cpu, index) => new VirtualProcessor(port, cpu, pins[index], index === 0));
  }

  get port(): HardwarePort {
    return this.backend.port;
  }
  /** The virtual CPU that the processor holds. */
  get current(): VirtualProcessor {
    return this.processors[this.#current];
  }
  /** Whether any virtual CPU has something to execute. */
  get runnable(): boolean {
    return this.processors.some(({ runnable }) => runnable);
  }
  /** Whether another one than the current has. */
  get contended(): boolean {
    return this.processors.some((processor, i) => i !== this.#current && processor.runnable);
  }

  // #region schedule
  /**
   * Chooses the virtual CPU that is entered next: the current one while it has something to do and its time slice lasts,
   * else the next in turn.
   * @returns false when none has anything to execute
   */
  schedule(sliceIsOver: boolean): boolean {
    const count = this.processors.length;
    const first = sliceIsOver && this.contended ? 1 : 0;
    for (let turn = first; turn < first + count; turn++) {
      const index = (this.#current + turn) % count;
      if (!this.processors[index].runnable) continue;
      this.#switchTo(index);
      if (this.current.prepare()) return true;
    }
    return false;
  }

  /** Exchanges what a virtual CPU that has left keeps in the processor. */
  #switchTo(index: number): void {
    if (index === this.#current) return;
    this.current.cpu.save();
    this.#current = index;
    this.current.cpu.load();
  }
  // #endregion

  /** Virtual time begins with the VM; what its serial port sends leaves through the machine's. */
  #buildBoard(ramBytes: number, processors: readonly VirtualPins[]): VirtualBoard {
    const { port, start } = this;
    return new VirtualBoard({
      frequency: port.frequency,
      now: () => port.cycles - start,
      processors,
      ramBytes,
      onSerial: (byte) => port.writePort(SERIAL_COM1, 1, byte),
      onFlushPage: (page) => this.backend.flushPage(page),
      // Not for a virtual CPU: the real CR0.NE is 1, so its errors arrive as #MF (SDM Vol. 3, A.7).
      onIgnoreFloatError: () => undefined,
      onReset: () => (this.ending ??= { kind: "reset", message: "The guest reset its machine." }),
      onPowerOff: () =>
        (this.ending ??= { kind: "power-off", message: "The guest powered its machine off." }),
      onDebugExit: (status) =>
        (this.ending ??= {
          kind: "debug-exit",
          status,
          message: `The guest wrote ${(status - 1) / 2} to the debug-exit port.`,
        }),
    });
  }
}
