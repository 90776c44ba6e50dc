import { rom } from "../machine/devices/rom.js";
import type { StartState } from "../machine/start-state.js";
import { EPT_POINTER, MSR_BITMAP, TSC_OFFSET, VPID } from "../spec/vmcs-fields.js";
import { VirtualBoard } from "./io/board.js";
import { PhysicalInterrupts } from "./io/physical-interrupts.js";
import { FrameAllocator } from "./memory/frame-allocator.js";
import { GuestMemory } from "./memory/guest-memory.js";
import { FRAMES_BASE, GUEST_RAM_BASE } from "./memory/layout.js";
import type { VmEnding } from "./ending.js";
import type { Parts } from "./parts.js";
import type { HardwarePort } from "./port.js";
import { SERIAL_COM1 } from "../spec/ports.js";
import { writeControls } from "./vtx/controls.js";
import { EventDelivery } from "./vtx/event-delivery.js";
import { loadGuestMemory, writeGuestRegisters, writeGuestState } from "./vtx/guest-state.js";
import { writeHostState } from "./vtx/host-state.js";
import { writeMsrBitmap } from "./vtx/msr-bitmap.js";
import { VtxVcpu } from "./vtx/vcpu-vtx.js";
import { VirtualMsrs } from "./vtx/virtual-msrs.js";
import { enterVmxOperation, newVmcs } from "./vtx/vmx-operation.js";

/** Tags this VM's translations in the TLB; 0 is the hypervisor's own (SDM 29.1). */
const GUEST_VPID = 1n;

/** One virtual machine with one virtual CPU, ready for its first VM entry. */
export class VirtualMachine {
  readonly board: VirtualBoard;
  /** Of the machine, not of the VM. */
  readonly interrupts: PhysicalInterrupts;
  readonly events: EventDelivery;
  readonly vcpu: VtxVcpu;
  /** Cycle at which the VM's time began. */
  readonly start: number;
  /** Set when a device of the VM ended it. */
  ending: VmEnding | null = null;

  /**
   * @param guestBytes - RAM of the VM; the machine has that much from {@link GUEST_RAM_BASE} on
   * @param image - what to start in it
   */
  constructor(
    readonly port: HardwarePort,
    parts: Parts,
    guestBytes: number,
    image: StartState,
  ) {
    this.interrupts = new PhysicalInterrupts(port, (bytes) => this.board.terminal.type(bytes));
    this.start = port.cycles;
    this.board = this.#buildBoard();
    const frames = new FrameAllocator(port.memory, FRAMES_BASE, GUEST_RAM_BASE);
    const vmx = enterVmxOperation(port, frames);
    newVmcs(port, frames, vmx.revision);
    const guestMemory = new GuestMemory(port.memory, GUEST_RAM_BASE, guestBytes);
    const memory = parts.memory({
      memory: port.memory,
      frames,
      guestBase: GUEST_RAM_BASE,
      guestBytes,
      isDevice: (address, bytes) => this.board.local.memory.claimsAny(address, bytes),
      flush: () => port.invept(),
    });
    for (const { address, bytes } of image.rom ?? [])
      this.board.peripherals.mmio.register(address, bytes.length, rom(bytes));
    loadGuestMemory(guestMemory, image);
    writeControls(port);
    writeHostState(port, vmx.hostCr3);
    writeGuestState(port, image);
    port.vmwrite(EPT_POINTER, memory.eptPointer);
    port.vmwrite(VPID, GUEST_VPID);
    const bitmap = frames.allocate();
    writeMsrBitmap(port.memory, bitmap);
    port.vmwrite(MSR_BITMAP, BigInt(bitmap));
    port.vmwrite(TSC_OFFSET, BigInt.asUintN(64, -BigInt(this.start)));
    this.events = new EventDelivery(port, this.board);
    this.vcpu = new VtxVcpu(0, {
      port,
      board: this.board,
      interrupts: this.interrupts,
      memory,
      guestMemory,
      msrs: new VirtualMsrs(port, this.board.local),
      events: this.events,
    });
    writeGuestRegisters(port, image);
  }

  /** Virtual time begins with the VM; what its serial port sends leaves through the machine's. */
  #buildBoard(): VirtualBoard {
    const { port, start } = this;
    return new VirtualBoard({
      frequency: port.frequency,
      now: () => port.cycles - start,
      timeStampOffset: () => BigInt.asIntN(64, port.vmread(TSC_OFFSET) + BigInt(start)),
      onSerial: (byte) => port.writePort(SERIAL_COM1, 1, byte),
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
