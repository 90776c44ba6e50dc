import type { LocalInterrupts } from "../../machine/peripherals.js";
import type { StartState } from "../../machine/start-state.js";
import * as K from "../../spec/call-outs.js";
import * as C from "../../spec/control-bits.js";
import { CS, FS, GS, SS } from "../../spec/cpu-state.js";
import { IA32_FS_BASE, IA32_GS_BASE } from "../../spec/msrs.js";
import { MONITOR_SYSCALL, MONITOR_SYSENTER, MONITOR_VECTOR } from "../../spec/monitor-reasons.js";
import { REGISTER_NAMES } from "../../spec/registers.js";
import * as V from "../../spec/vectors.js";
import { virtualCpuid } from "../vtx/exits/cpuid.js";
import { virtualTopology } from "../vtx/topology.js";
import type { VmResources } from "../cpu-backend.js";
import type { VmEnding } from "../ending.js";
import type { GuestCpu, GuestRegisters } from "../guest-cpu.js";
import type { VirtualPins } from "../io/virtual-pins.js";
import type { InterruptSource } from "../vtx/event-delivery.js";
import type { Outcome } from "../outcome.js";
import { KERNEL_CODE_32, KERNEL_CODE_64, STATE_DATA } from "../ring0/layout.js";
import type { Monitor } from "../ring0/monitor.js";
import type { Ring0Port } from "../ring0/port.js";
import type { CpuidRegisters } from "../vcpu.js";
import * as B from "./block.js";
import type { Place } from "./cache.js";
import { handlerCycles } from "./costs.js";
import { deliver } from "./delivery.js";
import { Descriptors } from "./descriptors.js";
import type { Emulation } from "./emulation.js";
import type { Event } from "./event.js";
import type { Fault } from "./fault.js";
import { GuestLinear, canonical } from "./guest-linear.js";
import { CALL_OUT_HANDLERS } from "./handlers.js";
import * as L from "./layout.js";
import { BtMsrs } from "./msrs.js";
import type { MemoryOperand } from "./operand.js";
import { ProcessorState, RIGHTS_BIG, type Segment } from "./processor-state.js";
import type { Translations } from "./translations.js";
import { StatePage } from "./state-page.js";
import type { BtCpu } from "./virtual-cpu.js";

const RSP = 4;
/** INT n. */
const CALL_OUT_BYTES = 2;
const RCX = 1;
const LEAF_FEATURES = 1;
/** What this hypervisor does not virtualise: PCID and MONITOR (leaf 1). */
const HIDDEN_1_ECX = (1 << 17) | (1 << 3);
const ECX_OSXSAVE = 1 << 27;
/** Bits of CR0 and CR4 that the processor is to obey as the guest has them. */
const CR0_MIRRORED = C.CR0_MP | C.CR0_EM | C.CR0_TS | C.CR0_AM;
const CR4_MIRRORED =
  C.CR4_TSD |
  C.CR4_DE |
  C.CR4_PCE |
  C.CR4_OSFXSR |
  C.CR4_OSXMMEXCPT |
  C.CR4_FSGSBASE |
  C.CR4_OSXSAVE |
  C.CR4_PGE |
  C.CR4_SMAP;
const REAL_FLAGS = BigInt(C.FLAG_IF | C.FLAG_IOPL);
/** RF in a frame says that the fault was one of the processor's; the guest's frames get it when its own are made. */
const NOT_KEPT = BigInt(C.FLAG_IF | C.FLAG_IOPL | C.FLAG_RF);

/** What a virtual CPU under binary translation is wired to. */
export interface BtParts {
  vm: VmResources;
  monitor: Monitor;
  translations: Translations;
  local: LocalInterrupts;
  pins: VirtualPins;
  /** Called with the processor in the monitor, before the guest runs again: the monitor may have to move. */
  giveWay: () => void;
}

/**
 * A virtual CPU under binary translation. Its kernel runs from the translation cache at ring 1, its user code as it is at ring 3;
 * in the monitor its privileged state is here, and the rest in the processor's registers and the monitor's frame.
 */
export class TranslatedCpu implements GuestCpu, BtCpu {
  readonly state: ProcessorState;
  readonly memory: GuestLinear;
  readonly descriptors: Descriptors;
  readonly page: StatePage;
  readonly msrs: BtMsrs;
  readonly monitor: Monitor;
  readonly port: Ring0Port;
  readonly board: VmResources["board"];
  readonly translations: Translations;
  /** Guest address of the instruction that comes next, or is being handled; exact once {@link settle} was called. */
  rip = 0;
  /** Of a call-out: the address behind its instruction. */
  next = 0;
  /** The guest's flags, IF and IOPL its own. */
  rflags = BigInt(C.FLAG_FIXED);
  /** STI or MOV SS holds interrupts off for one more instruction. */
  shadow = false;
  nmiBlocked = false;
  halted = false;
  leftAgain = false;
  readonly index: number;
  readonly parts: BtParts;
  /** Offset in the cache where the guest goes on; 0: at {@link rip}, wherever that is. */
  #resume = 0;
  /** Where the guest is in the cache, until its registers have been put back. */
  #place: Place | null = null;
  #moved = false;
  #emulation: Emulation | null = null;
  #stop: VmEnding | null = null;
  /** GS is the monitor's, for 32-bit translated code; the guest's selector and base meanwhile. */
  #guestGs: { selector: number; base: bigint } | null = null;
  #reason = 0;
  readonly #source: InterruptSource;
  /** The processor steps once, over an instruction that may change code. */
  #stopsBehind = false;
  /** A single step of the guest's is due after its next instruction. */
  #stepping = false;

  constructor(index: number, parts: BtParts) {
    this.index = index;
    this.parts = parts;
    const { vm, monitor, translations, local, pins } = parts;
    this.monitor = monitor;
    this.port = monitor.port;
    this.board = vm.board;
    this.#source = vm.board.interruptsOf(index);
    this.translations = translations;
    this.page = new StatePage(this.port.memory, translations.cache.machine);
    this.state = new ProcessorState(vm.image);
    this.memory = new GuestLinear(
      this.state,
      vm.guestMemory,
      this.port.memory,
      local.memory,
      () => (this.rflags & BigInt(C.FLAG_AC)) !== 0n,
    );
    this.descriptors = new Descriptors(this.state, this.memory, monitor.tables, this.port);
    this.msrs = new BtMsrs(this, local, pins);
  }

  save(): void {
    throw new Error("one virtual CPU is all that binary translation has");
  }
  load(): void {
    throw new Error("one virtual CPU is all that binary translation has");
  }

  begin(image: StartState): void {
    if (image.startMode !== "protected32" && image.startMode !== "long64")
      throw new RangeError(
        "binary translation has no real-address mode: the guest must start in protected mode",
      );
    REGISTER_NAMES.forEach((name, number) => this.writeRegister(number, BigInt(image.registers[name] ?? 0)));
    this.rip = image.entry;
    this.controlsChanged();
    this.translations.startSegments(image);
  }

  get registersAreGuests(): boolean {
    return this.#place === null;
  }
  readRegister(number: number): bigint {
    return number === RSP ? this.rsp : this.port.readRegister(number);
  }
  writeRegister(number: number, value: bigint): void {
    if (number === RSP) this.rsp = value;
    else this.port.writeRegister(number, value);
  }
  get rsp(): bigint {
    return this.monitor.rsp;
  }
  set rsp(value: bigint) {
    this.monitor.rsp = value;
  }

  /** The stack pointer moved by some bytes, as wide as the stack is. */
  stackPointer(offset: bigint): bigint {
    const rsp = this.rsp + offset;
    if (this.state.bits === 64) return BigInt.asUintN(64, rsp);
    if ((this.state.ss.rights & RIGHTS_BIG) !== 0) return rsp & 0xffff_ffffn;
    return (this.rsp & ~0xffffn) | (rsp & 0xffffn);
  }
  /** Linear address of what is so many bytes from the top of the stack. */
  stackLinear(offset: bigint): bigint {
    const rsp = this.stackPointer(offset);
    if (this.state.bits === 64) return rsp;
    const big = (this.state.ss.rights & RIGHTS_BIG) !== 0;
    return (this.state.ss.base + (big ? rsp : rsp & 0xffffn)) & 0xffff_ffffn;
  }

  segmentBase(index: number): bigint {
    if (index === FS) return this.port.rdmsr(IA32_FS_BASE) ?? 0n;
    return index === GS ? this.gsBase : this.port.segmentBase(index);
  }
  get gsBase(): bigint {
    return this.#guestGs?.base ?? this.port.rdmsr(IA32_GS_BASE) ?? 0n;
  }
  setGsBase(value: bigint): boolean {
    if (!canonical(value)) return false;
    if (this.#guestGs !== null) this.#guestGs.base = value;
    else this.port.wrmsr(IA32_GS_BASE, value);
    return true;
  }
  /** As the guest sees it: CS and SS have the RPL that its kernel believes in. */
  selector(index: number): number {
    if (index === CS) return this.state.cs.selector;
    if (index === SS) return this.state.ss.selector;
    return index === GS && this.#guestGs !== null ? this.#guestGs.selector : this.port.selector(index);
  }
  /** MOV to ES, DS, FS or GS. */
  loadData(index: number, selector: number): Fault | null {
    if (index !== GS) return this.descriptors.loadData(index, selector);
    this.#giveGsBack();
    return this.descriptors.loadData(index, selector);
  }
  loadLocalTable(bytes: number): void {
    this.translations.loadLocalTable(bytes);
  }

  get taskPriority(): number {
    return this.parts.pins.taskPriority;
  }
  set taskPriority(value: number) {
    this.parts.pins.taskPriority = value;
    this.parts.local.apic.taskPriorityChanged(value);
  }
  setCr2(value: bigint): void {
    this.state.cr2 = value;
    this.page.write(L.VIRTUAL_CR2, value);
  }
  readPhysical64(address: number): bigint {
    const { guestMemory } = this.parts.vm;
    return guestMemory.contains(address, 8) ? guestMemory.read64(address) : ~0n;
  }

  /** Translated code reads one port by itself. */
  writePort(port: number, size: number, value: number): void {
    const { ports } = this.board;
    ports.write(port, size, value);
    if (port <= L.KNOWN_PORT && L.KNOWN_PORT < port + size)
      this.page.write(L.PORT_VALUE, BigInt(ports.read(L.KNOWN_PORT, 1) & 0xff));
  }
  cpuid(leaf: number, subleaf: number): CpuidRegisters {
    return virtualCpuid({ cpuid: (l, s) => this.#hardwareCpuid(l, s) }, leaf, subleaf);
  }
  #hardwareCpuid(leaf: number, subleaf: number): CpuidRegisters {
    const answer = this.port.cpuid(leaf, subleaf);
    if (leaf === LEAF_FEATURES) {
      const enabled = (this.state.cr4 & C.CR4_OSXSAVE) !== 0 ? ECX_OSXSAVE : 0;
      answer.ecx = ((answer.ecx & ~(ECX_OSXSAVE | HIDDEN_1_ECX)) | enabled) >>> 0;
    }
    return virtualTopology(answer, leaf, subleaf, { id: this.index, processors: this.board.processors });
  }

  /** CR0, CR3 or CR4 of the guest have changed: what translated code reads, and what the processor obeys. */
  controlsChanged(): void {
    const { state, page, port } = this;
    page.write(L.VIRTUAL_CR0, BigInt(state.cr0 >>> 0));
    page.write(L.VIRTUAL_CR3, state.cr3);
    page.write(L.VIRTUAL_CR4, BigInt(state.cr4 >>> 0));
    const own = C.CR0_PG | C.CR0_PE | C.CR0_ET | C.CR0_NE | C.CR0_WP;
    port.writeCr(0, BigInt((own | (state.cr0 & CR0_MIRRORED)) >>> 0));
    port.writeCr(4, BigInt((C.CR4_PAE | C.CR4_UMIP | (state.cr4 & CR4_MIRRORED)) >>> 0));
  }
  /** Linear addresses of the guest mean something else. @param globalToo - translations of global pages go as well */
  pagingChanged(globalToo: boolean): void {
    this.memory.flush();
    this.translations.loadPaging(this.state, globalToo);
  }
  /** INVLPG. */
  invalidatePage(linear: bigint): void {
    this.memory.flush();
    this.port.invlpg(linear);
    this.translations.verify(this.memory, this.state.paging);
  }

  /** Another code or stack segment, or ring. */
  setCode(cs: Segment, ss: Segment, level: number): void {
    if (level !== 0 && level !== 3) this.refuse(`code at ring ${level}`);
    const { state } = this;
    if (cs.base !== state.cs.base && state.bits !== 64) this.translations.cache.flush();
    state.cs = cs;
    state.ss = ss;
    state.cpl = level;
    this.#resume = 0;
  }
  /** The guest goes on at an address of its code segment. */
  goTo(rip: number): void {
    this.rip = rip;
    this.#resume = 0;
    this.#moved = true;
  }
  /** The guest does something that this hypervisor does not virtualise: the VM ends. */
  refuse(what: string): null {
    this.#stop ??= {
      kind: "part-error",
      message: `The guest uses ${what}, which binary translation does not virtualise here.`,
    };
    return null;
  }
  shutDown(): void {
    this.#stop ??= {
      kind: "triple-fault",
      message:
        "The guest's processor shut down: an exception could not be delivered, nor the double fault after it.",
    };
  }
  emulate(emulation: Emulation): void {
    this.#emulation = emulation;
  }

  /** Where the guest was: in the cache, or in code of its own at ring 3. */
  arrive(): number {
    const { monitor } = this;
    this.leftAgain = false;
    const arrival = monitor.arrive();
    this.#readStatePage();
    this.rflags = (monitor.rflags & ~NOT_KEPT) | BigInt(this.page.flags);
    if (this.#stopsBehind) this.rflags &= ~BigInt(C.FLAG_TF);
    if (this.#stepping) this.rflags |= BigInt(C.FLAG_TF);
    this.#place = null;
    this.#resume = 0;
    if (this.state.cpl === 3) this.rip = Number(BigInt.asIntN(64, monitor.rip));
    else if (arrival === MONITOR_VECTOR + L.CALL_OUT_VECTOR) return (this.#reason = this.#arriveAtCallOut());
    else this.#locate();
    return (this.#reason = arrival);
  }

  /** What translated code has done meanwhile by itself: stores to page tables, and the task priority. */
  #readStatePage(): void {
    this.translations.readStoreLog();
    const priority = this.page.taskPriority;
    if (priority !== this.taskPriority) this.taskPriority = priority;
  }
  #writePriority(): void {
    this.page.write(L.VIRTUAL_CR8, BigInt(this.taskPriority));
    this.page.priorityWaits = this.parts.local.apic.maskedPriority > 0;
  }

  #arriveAtCallOut(): number {
    const { cache } = this.translations;
    const callOut = cache.callOutAt(cache.offset(this.monitor.rip));
    if (callOut === undefined) {
      this.#locate();
      return MONITOR_VECTOR + L.CALL_OUT_VECTOR;
    }
    this.#callOut = callOut;
    this.rip = callOut.rip;
    this.next = callOut.next;
    return callOut.kind;
  }
  #callOut: B.CallOut | null = null;

  /** A guest that has found its way out of the cache is at ring 1, where it can do no harm: what it runs there is its own code. */
  #locate(): void {
    const { cache } = this.translations;
    const offset = cache.offset(this.monitor.rip);
    const place = offset < 0 ? undefined : cache.place(offset);
    if (place === undefined) {
      this.rip = Number(BigInt.asIntN(64, this.monitor.rip));
      return;
    }
    this.#place = place;
    this.#resume = offset;
    this.rip = place.rip;
  }

  // #region bt-settle
  /** Puts the guest's registers and RIP where they were before the instruction that translated code is at, or after the last. */
  settle(): void {
    const place = this.#place;
    if (place === null) return;
    this.#place = null;
    this.#resume = 0;
    const { state } = place;
    if ((state & B.TARGET_IN_RAX) !== 0) this.rip = this.#targetInRax();
    for (const [bit, register, field] of SAVED)
      if ((state & bit) !== 0) this.port.writeRegister(register, this.page.read(field));
    this.rsp = BigInt.asUintN(64, this.rsp + BigInt(place.adjustment));
    if ((state & B.AFTER_STI) !== 0) this.shadow = true;
  }
  // #endregion

  #targetInRax(): number {
    const rax = this.port.readRegister(0);
    return this.state.bits === 64 ? Number(BigInt.asIntN(64, rax)) : Number(rax & 0xffff_ffffn);
  }

  handle(): Outcome {
    const reason = this.#reason;
    this.port.work(handlerCycles(reason));
    this.halted = false;
    const callOut = this.#callOut;
    this.#callOut = null;
    if (callOut !== null) this.#handleCallOut(callOut);
    else if (reason === MONITOR_SYSCALL || reason === MONITOR_SYSENTER) this.#systemCall(reason);
    else this.#handleVector(reason - MONITOR_VECTOR);
    if (this.#stop !== null) return "shutdown";
    return this.halted ? "halt" : "resume";
  }

  #handleCallOut(callOut: B.CallOut): void {
    switch (callOut.kind) {
      case K.CALL_OUT_TRANSLATE:
        this.goTo(callOut.next);
        if (this.#stepped()) return;
        this.translations.follow(this, callOut.operand as B.Exit);
        return;
      case K.CALL_OUT_LOOK_UP:
        return this.#lookUp(callOut);
      case K.CALL_OUT_INTERRUPT:
        if (callOut.operand === true) this.shadow = true;
        this.goTo(callOut.next);
        this.#resume = callOut.resume;
        return;
      case K.CALL_OUT_EMULATE:
        this.#resume = callOut.resume;
        return this.translations.carryOut(this, callOut.operand as MemoryOperand);
      case K.CALL_OUT_SEGMENTED:
        this.#resume = this.translations.segmented(callOut);
        return;
      case K.CALL_OUT_SEGMENTED_DONE:
        this.#moved = false;
        return this.#finish(callOut.operand as B.CallOut, null);
      default:
        this.#moved = false;
        this.#finish(callOut, CALL_OUT_HANDLERS[callOut.kind]!(this, callOut));
    }
  }

  #finish({ block, resume, next }: B.CallOut, fault: Fault | null): void {
    if (fault !== null) return this.inject({ ...fault, kind: "exception" });
    if (this.#moved) return;
    this.rip = next;
    this.#resume = block.alive ? resume : 0;
    this.#stepped();
  }

  /** The target is in RAX, and registers are in their fields. */
  #lookUp({ block }: B.CallOut): void {
    const target = this.#targetInRax();
    const fields =
      block === null
        ? SAVED.slice(0, this.translations.cache.shortTable === null && this.state.bits === 64 ? 3 : 2)
        : SAVED.slice(0, 1);
    for (const [, register, field] of fields) this.port.writeRegister(register, this.page.read(field));
    this.goTo(target);
    if (!this.#stepped()) this.translations.publish(this);
  }

  /** RFLAGS.TF: a trap after each instruction of the guest's, and only there. */
  #stepped(): boolean {
    if (!this.#stepping) return false;
    this.#stepping = false;
    this.state.debug[6]! |= BigInt(C.DR6_BS);
    this.inject({ vector: V.DEBUG, kind: "exception" });
    return true;
  }

  #systemCall(reason: number): void {
    const { rip } = this;
    const kind = K.CALL_OUT_SYSCALL;
    const call = { kind, rip, next: rip, resume: 0, mnemonic: reason === MONITOR_SYSCALL ? 746 : 747 };
    const fault = CALL_OUT_HANDLERS[kind]!(this, { ...call, block: null as never, operand: null });
    if (fault === null) return;
    // SYSCALL is two bytes: the exception is at the instruction.
    this.rip = rip - 2;
    this.inject({ ...fault, kind: "exception" });
  }

  #handleVector(vector: number): void {
    if (vector > 31) return this.parts.vm.interrupts.take(vector);
    const { errorCode } = this.monitor;
    if (vector === V.DEBUG && this.#stopsBehind) return this.#goOnBehind();
    if (vector === V.PAGE_FAULT) return this.translations.pageFault(this, this.port.cr2, errorCode);
    if (this.state.cpl === 3 && this.translations.userFault(this, vector, errorCode)) return;
    if (vector === V.DEBUG && this.state.cpl === 0) return this.#trapInCache();
    this.inject({ vector, kind: "exception", ...(hasErrorCode(vector) && { errorCode }) });
  }

  /** Where the guest was, if that is still a translation of what the guest has there. */
  #goOnBehind(): void {
    this.#stopsBehind = false;
    if (this.#resume !== 0 && !this.translations.cache.alive(this.#resume)) this.settle();
  }

  /**
   * A single step in the cache: POPF has just set the guest's TF. From the next instruction on it is stepped by the guest's
   * instructions, not the cache's.
   */
  #trapInCache(): void {
    const place = this.#place;
    if (place !== null && (place.state & B.IN_POPF) !== 0) {
      const flags = this.memory.read(this.stackLinear(BigInt(place.adjustment)), 2, 0);
      const size = BigInt(place.adjustment);
      this.settle();
      this.rsp = this.stackPointer(-size);
      this.rflags = (this.rflags & ~REAL_FLAGS) | (flags & REAL_FLAGS);
      this.rip = place.next;
    } else this.settle();
    this.rflags |= BigInt(C.FLAG_TF);
  }

  /** Delivers an event to the guest. */
  inject(event: Event): void {
    this.settle();
    if (!deliver(this, event)) this.shutDown();
  }

  /** A waiting interrupt goes in if the guest can take it, else translated code is told to ask when it can. */
  beforeEntry(): void {
    const { pins, giveWay } = this.parts;
    if (this.#emulation === null) giveWay();
    const source = this.#source;
    this.#writePriority();
    if (this.#emulation !== null) return;
    if (pins.nmiPending && !this.nmiBlocked && !this.shadow) {
      pins.nmiPending = this.halted = false;
      this.nmiBlocked = true;
      this.inject({ vector: V.NMI, kind: "interrupt" });
    }
    const waits = source.interruptPending;
    if (waits && this.interruptsEnabled) this.settle();
    const taken = waits && this.interruptsEnabled && !this.shadow;
    if (taken) this.inject({ vector: source.acknowledgeInterrupt(), kind: "interrupt" });
    this.page.interruptWaits = source.interruptPending;
  }

  enter(): boolean {
    const { monitor, state } = this;
    const user = state.cpl === 3;
    const alone = !user && this.#mustStepAlone();
    if (user) this.#enterUser();
    else this.#enterKernel(alone);
    if (this.#stop !== null) return false;
    this.page.flags = Number(this.rflags & 0xffff_ffffn);
    const hidden = user ? 0n : BigInt(C.FLAG_TF);
    monitor.rflags = (this.rflags & ~(REAL_FLAGS | hidden)) | BigInt(C.FLAG_IF);
    this.#stopsBehind = this.#emulation?.stop === true;
    if (this.#stopsBehind) monitor.rflags |= BigInt(C.FLAG_TF);
    this.shadow = false;
    if (this.#emulation === null) {
      monitor.resume();
      return true;
    }
    const { linear, target, devices, done } = this.#emulation;
    this.#emulation = null;
    const completed = monitor.resumeEmulating(linear, target, devices);
    done();
    // It may have been one of the local APIC's registers.
    this.#writePriority();
    return completed;
  }

  /** One instruction of the guest's, then back here: an interrupt waits behind a shadow, or the guest steps itself. */
  #mustStepAlone(): boolean {
    this.#stepping = this.state.cpl !== 3 && (this.rflags & BigInt(C.FLAG_TF)) !== 0n;
    const waits = this.shadow && this.#source.interruptPending;
    return this.#stepping || (waits && this.interruptsEnabled);
  }

  #enterUser(): void {
    const { monitor, state } = this;
    this.#giveGsBack();
    this.descriptors.refresh();
    monitor.rip = BigInt.asUintN(64, BigInt(this.rip));
    monitor.cs = state.cs.selector;
    monitor.ss = state.ss.selector;
  }

  #enterKernel(alone: boolean): void {
    const { monitor, state, translations } = this;
    const { bits } = state;
    if (bits === 16) return void this.refuse("16-bit code");
    if (alone && this.#emulation === null) this.settle();
    const offset = this.#resume !== 0 && !alone ? this.#resume : translations.offsetFor(this, alone);
    const borrowed = bits === 32 ? (translations.cache.blockAt(offset)?.borrowed ?? -1) : GS;
    if (borrowed < 0) this.#takeGs();
    else this.#giveGsBack();
    if (borrowed === CS) this.#lendCs();
    monitor.rip = BigInt.asUintN(64, translations.cache.linear(offset, bits));
    monitor.cs = bits === 64 ? KERNEL_CODE_64 : KERNEL_CODE_32;
    monitor.ss = bits === 64 ? 1 : (state.ss.selector & 0xfffc) | 1;
  }

  #takeGs(): void {
    if (this.#guestGs !== null) return;
    this.#guestGs = { selector: this.port.selector(GS), base: this.gsBase };
    this.port.loadSelector(GS, STATE_DATA);
  }
  /** GS leads where the guest's CS does, which may be read like data. */
  #lendCs(): void {
    this.#guestGs = { selector: this.port.selector(GS), base: this.gsBase };
    if (!this.port.loadSelector(GS, (this.state.cs.selector & 0xfffc) | 1))
      this.refuse("data of a code segment");
  }
  #giveGsBack(): void {
    if (this.#guestGs === null) return;
    const { selector, base } = this.#guestGs;
    this.#guestGs = null;
    this.port.loadSelector(GS, selector);
    this.port.wrmsr(IA32_GS_BASE, base);
  }

  /** Linear address at which the guest's processor stands, or stood when it left. */
  get #linear(): bigint {
    return this.port.privilege === 0 ? this.monitor.rip : this.port.rip;
  }
  /** The same as an offset in the cache, of a call-out itself; −1: it is not there. */
  get cacheOffset(): number {
    if (this.state.cpl !== 0) return -1;
    const offset = this.translations.cache.offset(this.#linear);
    return this.#callOut === null ? offset : offset - CALL_OUT_BYTES;
  }

  peek(): GuestRegisters {
    const { state, port } = this;
    const inMonitor = port.privilege === 0;
    const linear = this.#linear;
    const offset = state.cpl === 0 ? this.translations.cache.offset(linear) : -1;
    const settled = inMonitor && this.#place === null;
    const place = settled || offset < 0 ? undefined : this.translations.cache.place(offset);
    const general = REGISTER_NAMES.map((_, number) => port.readRegister(number));
    general[RSP] = inMonitor ? this.rsp : port.readRegister(RSP);
    let rip = settled ? BigInt(this.rip) : offset < 0 ? linear : BigInt(place?.rip ?? 0);
    if (place !== undefined) {
      if ((place.state & B.TARGET_IN_RAX) !== 0) rip = BigInt(this.#targetInRax());
      for (const [bit, register, field] of SAVED)
        if ((place.state & bit) !== 0) general[register] = this.page.read(field);
      general[RSP] = BigInt.asUintN(64, general[RSP]! + BigInt(place.adjustment));
    }
    const rflags = inMonitor ? this.rflags : (port.rflags & ~NOT_KEPT) | BigInt(this.page.flags);
    return {
      general,
      rip: BigInt.asUintN(64, rip),
      rflags,
      cr0: BigInt(state.cr0 >>> 0),
      cr2: state.cr2,
      cr3: state.cr3,
      cr4: BigInt(state.cr4 >>> 0),
      cr8: BigInt(this.page.taskPriority),
      efer: BigInt(state.efer),
      segments: this.#segments(),
    };
  }
  #segments(): GuestRegisters["segments"] {
    const hidden = [0, 1, 2, 3, 4, 5].map((index) => this.port.hiddenSegment(index));
    if (this.#guestGs !== null) hidden[GS] = { ...hidden[GS]!, ...this.#guestGs };
    const { cs, ss, ldtr, tr } = this.state;
    return [hidden[0]!, cs, ss, hidden[3]!, hidden[FS]!, hidden[GS]!, ldtr, tr];
  }

  entryFailure(): VmEnding | null {
    return this.#stop;
  }
  shutdown(): VmEnding {
    return this.#stop ?? { kind: "part-error", message: "The virtual CPU was shut down." };
  }
  get interruptsEnabled(): boolean {
    return (this.rflags & BigInt(C.FLAG_IF)) !== 0n;
  }
  get interruptWaiting(): boolean {
    return this.#source.interruptPending;
  }
}

/** SDM 6.3.1, table 6-1. */
function hasErrorCode(vector: number): boolean {
  return [8, 10, 11, 12, 13, 14, 17].includes(vector);
}

/** What is saved where. */
const SAVED: readonly (readonly [bit: number, register: number, field: number])[] = [
  [B.RESTORE_RAX, 0, L.SAVED_RAX],
  [B.RESTORE_RCX, RCX, L.SAVED_RCX],
  [B.RESTORE_RDX, 2, L.SAVED_RDX],
  [B.RESTORE_RSI, 6, L.SAVED_POINTER],
  [B.RESTORE_RDI, 7, L.SAVED_POINTER],
];
