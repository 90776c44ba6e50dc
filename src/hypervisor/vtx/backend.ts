import type { CpuBackend, VmResources } from "../cpu-backend.js";
import type { VmEnding } from "../ending.js";
import type { MemoryVirtualizer } from "../memory/memory-virtualizer.js";
import type { Parts } from "../parts.js";
import { VmxError } from "../vmx-error.js";
import { IA32_EFER } from "../../spec/msrs.js";
import { EPT_POINTER, MSR_BITMAP, TSC_OFFSET, VPID } from "../../spec/vmcs-fields.js";
import { writeControls } from "./controls.js";
import { explainRefusedEntry } from "./entry-failure.js";
import { EventDelivery } from "./event-delivery.js";
import { VtxGuestCpu } from "./guest-cpu.js";
import { writeHostState } from "./host-state.js";
import { writeMsrBitmap } from "./msr-bitmap.js";
import { TaskPriorityShadow } from "./task-priority-shadow.js";
import { ShadowRegisters } from "./shadow-registers.js";
import { VtxVcpu } from "./vcpu-vtx.js";
import { VirtualMsrs } from "./virtual-msrs.js";
import { enterVmxOperation, newVmcs, type VmxOperation } from "./vmx-operation.js";
import type { VmxPort } from "./vmx-port.js";

/** VT-x: the guest runs in non-root operation, on all four rings. */
export class VtxBackend implements CpuBackend {
  #memory: MemoryVirtualizer | null = null;

  constructor(
    readonly port: VmxPort,
    private readonly parts: Parts,
  ) {}

  build(vm: VmResources): VtxGuestCpu[] {
    const { port } = this;
    const vmx = enterVmxOperation(port, vm.frames);
    const { guestMemory } = vm;
    const memory = this.parts.memory({
      memory: port.memory,
      frames: vm.frames,
      guestBase: guestMemory.base,
      guestBytes: guestMemory.size,
      isDevice: (address, bytes) => vm.board.isDevice(address, bytes),
      flush: () => this.#flush(),
    });
    const { shadow } = (this.#memory = memory);
    if (shadow !== undefined) guestMemory.onWrite = (address, bytes) => shadow.written(address, bytes);
    const bitmap = vm.frames.allocate();
    writeMsrBitmap(port.memory, bitmap, shadow === undefined ? [] : [IA32_EFER]);
    const cpus = vm.pins.map((_, index) => this.#buildCpu(index, vm, memory, vmx, bitmap));
    cpus[0].makeCurrent();
    cpus[0].begin(vm.image);
    return cpus;
  }

  flushPage(page: number): void {
    if (this.#memory?.unmap) this.#memory.unmap(page);
    else this.#flush();
  }

  #flush(): void {
    if (this.#memory?.shadow === undefined) this.port.invept();
    else this.port.invvpidAll();
  }

  explain(error: unknown): VmEnding | null {
    if (!(error instanceof VmxError)) return null;
    return { kind: "entry-failure", message: explainRefusedEntry(this.port, error) };
  }

  #buildCpu(
    index: number,
    vm: VmResources,
    memory: MemoryVirtualizer,
    vmx: VmxOperation,
    bitmap: number,
  ): VtxGuestCpu {
    const { port } = this;
    const { board, interrupts, guestMemory } = vm;
    const vmcs = newVmcs(port, vm.frames, vmx.revision);
    const { shadow } = memory;
    writeControls(port, shadow !== undefined);
    writeHostState(port, vmx.hostCr3);
    if (shadow === undefined) port.vmwrite(EPT_POINTER, memory.eptPointer);
    // Tags this virtual CPU's translations in the TLB; 0 is the hypervisor's own (SDM 29.1).
    port.vmwrite(VPID, BigInt(index + 1));
    port.vmwrite(MSR_BITMAP, BigInt(bitmap));
    port.vmwrite(TSC_OFFSET, BigInt.asUintN(64, -BigInt(vm.start)));
    const local = board.local(index);
    const pins = vm.pins[index];
    const paging =
      shadow === undefined ? null : new ShadowRegisters(port, shadow.addressSpace(), guestMemory);
    const inProtectedMode = paging === null ? undefined : () => paging.protected;
    const events = new EventDelivery(port, board.interruptsOf(index), pins, inProtectedMode);
    const msrs = new VirtualMsrs(port, local, pins, paging);
    const parts = { port, board, interrupts, local, pins, memory, guestMemory, msrs, events, paging };
    const priority =
      this.parts.taskPriority === "shadow"
        ? new TaskPriorityShadow(port, vm.frames.allocate(), local, pins)
        : null;
    return new VtxGuestCpu(port, vmcs, new VtxVcpu(index, parts), events, this.parts.exits, priority);
  }
}
