import { IA32_TIME_STAMP_COUNTER } from "../../spec/msrs.js";
import type { CpuBackend, VmResources } from "../cpu-backend.js";
import type { GuestCpu } from "../guest-cpu.js";
import { ShadowPaging } from "../memory/shadow/shadow-paging.js";
import { Monitor } from "../ring0/monitor.js";
import type { Ring0Port } from "../ring0/port.js";
import { Cache } from "./cache.js";
import { TranslatedCpu } from "./cpu.js";
import { Decoder } from "./decoder.js";
import * as L from "./layout.js";
import { StoreLog } from "./store-log.js";
import { Translations } from "./translations.js";

/** Binary translation: no VMX, the monitor at ring 0, the guest's kernel at ring 1 from a translation cache. */
export class BtBackend implements CpuBackend {
  #cpu: TranslatedCpu | null = null;
  /** The guest wants the addresses of the monitor's window for itself. */
  #wanted = false;

  /**
   * @param decoder - compiled wasm of iced-x86
   * @param cacheAt - machine-physical address of {@link L.CACHE_BYTES} bytes for the translation cache
   */
  constructor(
    readonly port: Ring0Port,
    private readonly decoder: WebAssembly.Module,
    private readonly cacheAt: number,
  ) {}

  build(vm: VmResources): readonly GuestCpu[] {
    if (vm.pins.length > 1) throw new RangeError("binary translation runs one processor in a VM");
    const { port } = this;
    const { frames, guestMemory, board } = vm;
    let base = L.windowBase(L.FIRST_SLOT);
    const monitor = new Monitor(port, frames, base, L.CALL_OUT_VECTOR);
    const shadow = new ShadowPaging({
      memory: port.memory,
      frames,
      guestBase: guestMemory.base,
      guestBytes: guestMemory.size,
      isDevice: (address, bytes) => board.isDevice(address, bytes),
      flush: () => port.flushTlb(),
      onConflict: () => (this.#wanted = true),
    });
    const cache = new Cache(
      port.memory,
      this.cacheAt,
      base + BigInt(L.CACHE_IN_WINDOW),
      L.FIRST_LOW,
      (page, holdsCode) => {
        if (holdsCode) stores.drop(page * 4096);
        if (holdsCode) shadow.watch(page * 4096);
        else shadow.unwatch(page * 4096);
      },
    );
    let slot = L.FIRST_SLOT;
    const map = (): void =>
      shadow.setWindow({ slot, ranges: [...monitor.ranges, ...cache.ranges, ...stores.ranges] });
    const stores: StoreLog = new StoreLog(
      port.memory,
      guestMemory,
      this.cacheAt,
      base + BigInt(L.CACHE_IN_WINDOW),
      map,
    );
    const local = board.local(0);
    const translations: Translations = new Translations({
      monitor,
      cache,
      decoder: new Decoder(this.decoder),
      shadow,
      stores,
      space: shadow.addressSpace(),
      guestMemory,
      devices: local.memory,
      memory: () => this.#cpu!.memory,
      base: () => base,
    });
    const moveTo = (to: bigint, free: number): void => {
      base = to;
      slot = free;
      monitor.moveTo(base);
      cache.moveTo(base + BigInt(L.CACHE_IN_WINDOW));
      stores.moveTo(base + BigInt(L.CACHE_IN_WINDOW));
      map();
    };
    map();
    shadow.setLowRange(cache.lowRange);
    monitor.tables.setStateSegment(L.FIRST_LOW, L.GS_BYTES);
    guestMemory.onWrite = (address, bytes) => translations.written(address, bytes);
    const cpu = (this.#cpu = new TranslatedCpu(0, {
      vm,
      monitor,
      translations,
      local,
      pins: vm.pins[0]!,
      giveWay: () => this.#giveWay(shadow, moveTo),
    }));
    const cr3 = translations.firstTables(cpu.state);
    monitor.takeOver(cr3, 0);
    port.wrmsr(IA32_TIME_STAMP_COUNTER, BigInt(port.cycles - vm.start));
    cpu.begin(vm.image);
    return [cpu];
  }

  /** Everything of the monitor's moves to where the guest has nothing, and translations are made anew. */
  #giveWay(shadow: ShadowPaging, moveTo: (base: bigint, slot: number) => void): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    const slot = shadow.freeSlot();
    if (slot === null) return void this.#cpu!.refuse("every entry of its PML4 table");
    this.#cpu!.settle();
    moveTo(L.windowBase(slot), slot);
  }

  /** The translation cache, to be looked at. */
  get cache(): Cache {
    if (this.#cpu === null) throw new Error("the VM has not been built");
    return this.#cpu.translations.cache;
  }

  /** Offset in it at which the guest's kernel stands, or stood when it left; −1: it is elsewhere. */
  get cacheOffset(): number {
    return this.#cpu?.cacheOffset ?? -1;
  }

  flushPage(): void {
    this.port.flushTlb();
  }

  explain(): null {
    return null;
  }
}
