import { rom } from "../machine/devices/rom.js";
import { withTables } from "../machine/acpi/tables.js";
import type { StartState } from "../machine/start-state.js";
import { IA32_EFER } from "../spec/msrs.js";
import { SERIAL_COM1 } from "../spec/ports.js";
import { EPT_POINTER, MSR_BITMAP, TSC_OFFSET, VPID } from "../spec/vmcs-fields.js";
import type { VmEnding } from "./ending.js";
import { VirtualBoard } from "./io/board.js";
import { PhysicalInterrupts } from "./io/physical-interrupts.js";
import { VirtualPins } from "./io/virtual-pins.js";
import { FrameAllocator } from "./memory/frame-allocator.js";
import { GuestMemory } from "./memory/guest-memory.js";
import { FRAMES_BASE, GUEST_RAM_BASE } from "./memory/layout.js";
import type { MemoryVirtualizer } from "./memory/memory-virtualizer.js";
import type { Parts } from "./parts.js";
import type { HardwarePort } from "./port.js";
import { VirtualProcessor } from "./virtual-processor.js";
import { writeControls } from "./vtx/controls.js";
import { EventDelivery } from "./vtx/event-delivery.js";
import { loadGuestMemory } from "./vtx/guest-state.js";
import { writeHostState } from "./vtx/host-state.js";
import { writeMsrBitmap } from "./vtx/msr-bitmap.js";
import { ShadowRegisters } from "./vtx/shadow-registers.js";
import { VtxVcpu } from "./vtx/vcpu-vtx.js";
import { VirtualMsrs } from "./vtx/virtual-msrs.js";
import { enterVmxOperation, newVmcs, type VmxOperation } from "./vtx/vmx-operation.js";

/** What one virtual machine is made of. */
export interface VmOptions {
  parts: Parts;
  /** RAM of the VM, bytes; the machine has that much from {@link GUEST_RAM_BASE} on. */
  guestBytes: number;
  /** What to start in it. */
  image: StartState;
  /** Virtual CPUs; one unless given. */
  processors?: number;
}

/** One virtual machine, ready for its first VM entry. */
export class VirtualMachine {
  readonly board: VirtualBoard;
  /** Of the machine, not of the VM. */
  readonly interrupts: PhysicalInterrupts;
  readonly processors: readonly VirtualProcessor[];
  /** Cycle at which the VM's time began. */
  readonly start: number;
  /** Set when a device of the VM ended it. */
  ending: VmEnding | null = null;
  readonly #guestMemory: GuestMemory;
  readonly #memory: MemoryVirtualizer;
  readonly #pins: readonly VirtualPins[];
  readonly #frames: FrameAllocator;
  #current = 0;

  constructor(
    readonly port: HardwarePort,
    { parts, guestBytes, image, processors = 1 }: VmOptions,
  ) {
    this.interrupts = new PhysicalInterrupts(port, (bytes) => this.board.terminal.type(bytes));
    this.start = port.cycles;
    this.#pins = Array.from({ length: processors }, () => new VirtualPins());
    this.board = this.#buildBoard(guestBytes);
    const frames = (this.#frames = new FrameAllocator(port.memory, FRAMES_BASE, GUEST_RAM_BASE));
    const vmx = enterVmxOperation(port, frames);
    this.#guestMemory = new GuestMemory(port.memory, GUEST_RAM_BASE, guestBytes);
    this.#memory = parts.memory({
      memory: port.memory,
      frames,
      guestBase: GUEST_RAM_BASE,
      guestBytes,
      isDevice: (address, bytes) => this.#isDevice(address, bytes),
      flush: () => this.#flush(),
    });
    if (this.#memory.shadow !== undefined) {
      const { shadow } = this.#memory;
      this.#guestMemory.onWrite = (address, bytes) => shadow.written(address, bytes);
    }
    for (const { address, bytes } of image.rom ?? [])
      this.board.peripherals.mmio.register(address, bytes.length, rom(bytes));
    loadGuestMemory(this.#guestMemory, withTables(image, guestBytes, processors));
    const bitmap = frames.allocate();
    writeMsrBitmap(port.memory, bitmap, this.#memory.shadow === undefined ? [] : [IA32_EFER]);
    this.processors = this.#pins.map((pins, index) => this.#buildProcessor(index, pins, vmx, bitmap));
    port.vmptrld(this.processors[0].vmcs);
    this.current.vcpu.begin(image);
  }

  /** Drops what the processor has cached of this VM's translations. */
  #flush(): void {
    if (this.#memory.shadow === undefined) this.port.invept();
    else this.port.invvpidAll();
  }

  /** The virtual CPU whose VMCS is current. */
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

  /** Makes another VMCS current, and exchanges what VM exits and entries leave in the processor. */
  #switchTo(index: number): void {
    if (index === this.#current) return;
    const { port } = this;
    this.current.context.save(port);
    this.#current = index;
    port.vmptrld(this.current.vmcs);
    this.current.context.load(port);
  }
  // #endregion

  #isDevice(address: number, bytes: number): boolean {
    return this.#pins.some((_, index) => this.board.local(index).memory.claimsAny(address, bytes));
  }

  #buildProcessor(index: number, pins: VirtualPins, vmx: VmxOperation, bitmap: number): VirtualProcessor {
    const { port, board, interrupts } = this;
    const vmcs = newVmcs(port, this.#frames, vmx.revision);
    const { shadow } = this.#memory;
    writeControls(port, shadow !== undefined);
    writeHostState(port, vmx.hostCr3);
    if (shadow === undefined) port.vmwrite(EPT_POINTER, this.#memory.eptPointer);
    // Tags this virtual CPU's translations in the TLB; 0 is the hypervisor's own (SDM 29.1).
    port.vmwrite(VPID, BigInt(index + 1));
    port.vmwrite(MSR_BITMAP, BigInt(bitmap));
    port.vmwrite(TSC_OFFSET, BigInt.asUintN(64, -BigInt(this.start)));
    const local = board.local(index);
    const paging =
      shadow === undefined ? null : new ShadowRegisters(port, shadow.addressSpace(), this.#guestMemory);
    const inProtectedMode = paging === null ? undefined : () => paging.protected;
    const events = new EventDelivery(port, board.interruptsOf(index), pins, inProtectedMode);
    const vcpu = new VtxVcpu(index, {
      port,
      board,
      interrupts,
      local,
      pins,
      memory: this.#memory,
      guestMemory: this.#guestMemory,
      msrs: new VirtualMsrs(port, local, pins, paging),
      events,
      paging,
    });
    return new VirtualProcessor(port, vmcs, vcpu, events, pins, index === 0);
  }

  /** Virtual time begins with the VM; what its serial port sends leaves through the machine's. */
  #buildBoard(ramBytes: number): VirtualBoard {
    const { port, start } = this;
    return new VirtualBoard({
      frequency: port.frequency,
      now: () => port.cycles - start,
      processors: this.#pins,
      ramBytes,
      onSerial: (byte) => port.writePort(SERIAL_COM1, 1, byte),
      onFlushPage: (page) => (this.#memory.unmap ? this.#memory.unmap(page) : this.#flush()),
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
