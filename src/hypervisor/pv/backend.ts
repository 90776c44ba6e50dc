import { SerialTerminal } from "../../machine/devices/serial-terminal.js";
import { CR4_OSFXSR, CR4_OSXMMEXCPT } from "../../spec/control-bits.js";
import { IA32_SYSENTER_CS } from "../../spec/msrs.js";
import * as P from "../../spec/paravirtual.js";
import type { CpuBackend, VmResources } from "../cpu-backend.js";
import type { VmEnding } from "../ending.js";
import { DirectPaging } from "../memory/direct/direct-paging.js";
import { flatCode, flatData } from "../ring0/descriptor.js";
import { Monitor } from "../ring0/monitor.js";
import type { Ring0Port } from "../ring0/port.js";
import { HYPERVISOR_SIGNATURE } from "../vtx/exits/cpuid.js";
import { DomainBuilder, type PvImage } from "./domain.js";
import { EventChannels } from "./event-channels.js";
import { HYPERCALLS, type Hypercalls } from "./hypercalls/table.js";
import { LinearMemory } from "./linear-memory.js";
import { mapMonitor, MONITOR_BASE } from "./monitor-slot.js";
import { PvConsole } from "./pv-console.js";
import { PvCpu } from "./pv-cpu.js";
import { PvGuest } from "./pv-guest.js";
import { SharedInfo } from "./shared-info.js";
import { VirtualClock } from "./virtual-clock.js";

/** Paravirtualisation: the guest's kernel knows of the hypervisor, asks it by hypercalls, and keeps page tables of its own. */
export class PvBackend implements CpuBackend {
  #paging: DirectPaging | null = null;

  constructor(
    readonly port: Ring0Port,
    private readonly image: PvImage,
    private readonly hypercalls: Hypercalls = HYPERCALLS,
  ) {}

  build(vm: VmResources): PvCpu[] {
    if (vm.pins.length !== 1)
      throw new RangeError(`${vm.pins.length} processors: a paravirtual guest has one here`);
    const { port } = this;
    const monitor = new Monitor(port, vm.frames, MONITOR_BASE, P.HYPERCALL_VECTOR);
    const hypervisorEntry = mapMonitor(port.memory, vm.frames, monitor.ranges);
    const { base, size: bytes } = vm.guestMemory;
    const flush = (): void => port.flushTlb();
    const paging = new DirectPaging({ memory: port.memory, base, bytes, flush, hypervisorEntry });
    this.#paging = paging;
    const domain = new DomainBuilder(vm.guestMemory, paging, this.image, HYPERVISOR_SIGNATURE).build();
    this.#takeOver(monitor, paging.addressOf(domain.root));
    const guest = this.#guest(vm, monitor, paging, domain.root, base + domain.sharedInfo);
    const cpu = new PvCpu(guest, vm.interrupts, this.hypercalls);
    const registers = { rdi: domain.startInfo, rsp: domain.startInfo };
    cpu.begin({ ...vm.image, registers });
    return [cpu];
  }

  flushPage(): void {
    this.#paging?.flush();
  }

  explain(): VmEnding | null {
    return null;
  }

  /** SYSENTER, which saves neither RIP nor RSP, raises #GP: the guest has SYSCALL (SDM Vol. 3, 5.8.7.1). */
  #takeOver(monitor: Monitor, cr3: number): void {
    monitor.takeOver(cr3, CR4_OSFXSR | CR4_OSXMMEXCPT);
    this.port.wrmsr(IA32_SYSENTER_CS, 0n);
    monitor.tables.setDescriptor(P.KERNEL_CODE, flatCode(1, 64));
    monitor.tables.setDescriptor(P.KERNEL_DATA, flatData(1));
    monitor.tables.setDescriptor(P.USER_DATA, flatData(3));
    monitor.tables.setDescriptor(P.USER_CODE, flatCode(3, 64));
  }

  #guest(vm: VmResources, monitor: Monitor, paging: DirectPaging, root: number, sharedInfo: number): PvGuest {
    const { port } = this;
    const shared = new SharedInfo(port.memory, sharedInfo);
    shared.eventsMasked = true;
    const events = new EventChannels(shared);
    const clock = new VirtualClock(vm.board.clock, shared, vm.start, () => events.signal(P.SOURCE_TIMER));
    const linear: LinearMemory = new LinearMemory(port.memory, () => paging.addressOf(guest.root));
    const console = new PvConsole(events);
    vm.board.terminal = new SerialTerminal(console);
    const guest = new PvGuest({
      port,
      monitor,
      paging,
      linear,
      shared,
      events,
      clock,
      console,
      root,
    });
    return guest;
  }
}
