import type { Device } from "../bus.js";
import type { Clock } from "../clock.js";
import { ApicTimer, type ApicTimerState } from "./apic-timer.js";
import * as BUS from "./interrupt-bus.js";
import type { InterruptBus, InterruptMessage, InterruptTarget } from "./interrupt-bus.js";
import { LocalVectorTable, type LocalVectorTableState } from "./local-vector-table.js";
import { VectorSet } from "./vector-set.js";

/**
 * The local APIC of one processor (SDM Vol. 3, chapter 11; section numbers are of that chapter). It has two faces:
 * memory-mapped registers in xAPIC mode, MSRs in x2APIC mode.
 * @module
 */

/** Registers, by offset in the page of xAPIC mode (table 11-1); MSR 800H + offset / 16 in x2APIC mode. */
const ID = 0x20;
const VERSION = 0x30;
const TPR = 0x80;
const APR = 0x90;
const PPR = 0xa0;
const EOI = 0xb0;
const LDR = 0xd0;
const DFR = 0xe0;
const SVR = 0xf0;
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const ESR = 0x280;
const ICR = 0x300;
const ICR_HIGH = 0x310;
const LVT = 0x320;
const LVT_END = 0x380;
const INITIAL_COUNT = 0x380;
const CURRENT_COUNT = 0x390;
const DIVIDE = 0x3e0;
const SELF_IPI = 0x3f0;
/** The page of xAPIC mode. */
export const LOCAL_APIC_BYTES = 0x1000;

/** IA32_APIC_BASE (11.4.4, 11.12.1). */
export const APIC_BASE_BSP = 1 << 8;
export const APIC_BASE_EXTD = 1 << 10;
export const APIC_BASE_EN = 1 << 11;

/** Integrated APIC, six entries in the local vector table. */
const VERSION_VALUE = 0x0005_0014;
const SVR_ENABLE = 1 << 8;
const SVR_WRITABLE = 0x3ff;
const DFR_FIXED = 0x0fff_ffff;
const CLUSTER_MODEL = 0;

const ICR_LOGICAL = 1 << 11;
const ICR_ASSERT = 1 << 14;
const ICR_LEVEL = 1 << 15;
const ICR_WRITABLE = 0x000c_cfff;
const X2APIC_ICR_RESERVED = 0xfff3_2000;
const SHORTHAND_SELF = 1;
const SHORTHAND_ALL = 2;

/** Error status register (11.5.3). */
const SEND_ILLEGAL_VECTOR = 1 << 5;
const RECEIVE_ILLEGAL_VECTOR = 1 << 6;
const ILLEGAL_REGISTER = 1 << 7;

/** Vectors below it are reserved (11.5.2). */
const FIRST_VECTOR = 16;

/** What a local APIC drives in its processor. */
export interface ProcessorPins {
  /** INTR: an interrupt waits that the processor's priority lets through. Called on every change. */
  setInterrupt(level: boolean): void;
  signalNmi(): void;
  signalInit(): void;
  signalStartUp(vector: number): void;
  /** CR8 is to follow bits 7:4 of the task-priority register. */
  setTaskPriority(cr8: number): void;
  /** What the processor's time-stamp counter adds to the clock's cycles. */
  timeStampOffset(): bigint;
}

/** Plain data. */
export interface LocalApicState {
  /** IA32_APIC_BASE without the address: BSP, EXTD, EN. */
  mode: number;
  tpr: number;
  ldr: number;
  dfr: number;
  svr: number;
  /** Errors since the last write of ESR, and what that write made readable. */
  errors: number;
  esr: number;
  icr: number;
  icrHigh: number;
  irr: number[];
  isr: number[];
  tmr: number[];
  /** An ExtINT message waits to be acknowledged. */
  extInt: boolean;
  output: boolean;
  lvt: LocalVectorTableState;
  timer: ApicTimerState;
}

const MODE_BITS = APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN;

export class LocalApic implements InterruptTarget {
  /** Registers of xAPIC mode; the board maps them where IA32_APIC_BASE says while {@link memoryMapped}. */
  readonly device: Device = {
    read: (offset, size) => this.#readMapped(offset, size),
    write: (offset, size, value) => {
      // Only aligned accesses of 32 bits are defined (11.4.1).
      if (size === 4 && offset % 16 === 0) this.#writeMapped(offset, value);
    },
  };
  readonly #irr = new VectorSet();
  readonly #isr = new VectorSet();
  readonly #tmr = new VectorSet();
  readonly #lvt: LocalVectorTable;
  readonly #timer: ApicTimer;
  #mode: number;
  #tpr = 0;
  #ldr = 0;
  #dfr = 0xffff_ffff;
  #svr = 0xff;
  #errors = 0;
  #esr = 0;
  #icr = 0;
  #icrHigh = 0;
  #extInt = false;
  #output = false;

  /**
   * @param id - initial APIC ID, 0–254
   * @param bootstrap - whether it is the bootstrap processor's
   * @param acknowledge8259 - INTA cycle on the system bus: the vector that the 8259s give
   */
  constructor(
    readonly id: number,
    bootstrap: boolean,
    clock: Clock,
    private readonly bus: InterruptBus,
    private readonly pins: ProcessorPins,
    private readonly acknowledge8259: () => number,
  ) {
    this.#mode = APIC_BASE_EN | (bootstrap ? APIC_BASE_BSP : 0);
    this.#timer = new ApicTimer(
      clock,
      () => pins.timeStampOffset(),
      () => this.#lvt.raiseTimer(),
    );
    this.#lvt = new LocalVectorTable({
      deliver: (message) => void this.receive(message),
      changed: () => this.#update(),
      timerMode: (mode) => this.#timer.setMode(mode),
    });
    bus.attach(this);
  }

  /** Virtual-wire mode, as firmware leaves the bootstrap processor: LINT0 is ExtINT, LINT1 NMI (MP specification 3.6.2.2). */
  enterVirtualWireMode(): void {
    this.#setSpurious(SVR_ENABLE | 0xff);
    this.#lvt.enterVirtualWireMode();
  }

  /** INIT: everything but the ID and IA32_APIC_BASE as after power-up (11.4.7.3). */
  initialise(): void {
    for (const set of [this.#irr, this.#isr, this.#tmr]) set.clear();
    this.#dfr = 0xffff_ffff;
    this.#ldr = 0;
    this.#svr = 0xff;
    this.#errors = this.#esr = this.#icr = this.#icrHigh = 0;
    this.#extInt = false;
    this.#timer.reset();
    this.#lvt.reset();
    this.#setTpr(0);
  }

  /** LINT0 is the INTR of the 8259s, LINT1 is NMI. */
  setLint0(level: boolean): void {
    this.#lvt.setLint(0, level);
  }
  setLint1(level: boolean): void {
    this.#lvt.setLint(1, level);
  }

  // Interrupt acceptance and priorities

  get enabled(): boolean {
    return (this.#mode & APIC_BASE_EN) !== 0;
  }
  get x2apic(): boolean {
    return (this.#mode & APIC_BASE_EXTD) !== 0;
  }
  /** Whether the registers are in the memory map. */
  get memoryMapped(): boolean {
    return (this.#mode & MODE_BITS & ~APIC_BASE_BSP) === APIC_BASE_EN;
  }
  /** Enabled, by IA32_APIC_BASE and by the spurious-vector register. */
  get accepting(): boolean {
    return this.enabled && (this.#svr & SVR_ENABLE) !== 0;
  }

  /** PPR: the higher one of the task's priority and that of the interrupt in service (11.8.3.1). */
  get processorPriority(): number {
    const service = Math.max(this.#isr.highest(), 0);
    return (this.#tpr & 0xf0) >= (service & 0xf0) ? this.#tpr : service & 0xf0;
  }

  /** 11.6.2: physical, flat and cluster destinations. */
  matches(destination: number, logical: boolean): boolean {
    if (!this.enabled) return false;
    if (destination === BUS.BROADCAST) return true;
    if (!logical) return destination === this.id;
    if (this.x2apic) {
      const own = this.#x2apicLdr();
      return own >>> 16 === destination >>> 16 && (own & destination & 0xffff) !== 0;
    }
    const own = this.#ldr >>> 24;
    if (this.#dfr >>> 28 !== CLUSTER_MODEL) return (own & destination) !== 0;
    return own >>> 4 === destination >>> 4 && (own & destination & 0xf) !== 0;
  }

  receive(message: InterruptMessage): boolean {
    const { deliveryMode, vector } = message;
    if (deliveryMode === BUS.FIXED || deliveryMode === BUS.LOWEST_PRIORITY) return this.#accept(message);
    if (deliveryMode === BUS.NMI) this.pins.signalNmi();
    else if (deliveryMode === BUS.INIT) {
      this.initialise();
      this.pins.signalInit();
    } else if (deliveryMode === BUS.START_UP) this.pins.signalStartUp(vector);
    else if (deliveryMode === BUS.EXT_INT) {
      this.#extInt = true;
      this.#update();
    }
    return true;
  }

  #accept({ vector, level }: InterruptMessage): boolean {
    if (!this.accepting) return false;
    if (vector < FIRST_VECTOR) {
      this.#error(RECEIVE_ILLEGAL_VECTOR);
      return false;
    }
    this.#irr.add(vector);
    if (level) this.#tmr.add(vector);
    else this.#tmr.remove(vector);
    this.#update();
    return true;
  }

  /** The vector in IRR that the processor's priority lets through, -1 for none. */
  #deliverable(): number {
    if (!this.enabled) return -1;
    const vector = this.#irr.highest();
    return (vector & 0xf0) > (this.processorPriority & 0xf0) ? vector : -1;
  }

  /** Priority class of the interrupt in IRR that the task priority keeps out; 0: there is none. */
  get maskedPriority(): number {
    const vector = this.#irr.highest();
    const masked = this.enabled && vector >= 0 && vector >> 4 <= this.#tpr >> 4;
    return masked ? vector >> 4 : 0;
  }

  /** The 8259s' interrupt: by LINT0, by a message from an IO-APIC, or on the INTR pin of a processor without APIC. */
  #external(): boolean {
    return this.enabled ? this.#extInt || this.#lvt.extInt : this.#lvt.lint0;
  }

  #update(): void {
    const level = this.#external() || this.#deliverable() >= 0;
    if (level === this.#output) return;
    this.#output = level;
    this.pins.setInterrupt(level);
  }

  /** Level of INTR. */
  get output(): boolean {
    return this.#output;
  }

  /** The processor's interrupt acknowledge: the vector that it is to serve now, at worst the spurious one (11.9). */
  acknowledge(): number {
    if (this.#external()) {
      this.#extInt = false;
      const vector = this.acknowledge8259();
      this.#update();
      return vector;
    }
    const vector = this.#deliverable();
    if (vector < 0) return this.#svr & 0xff;
    this.#irr.remove(vector);
    this.#isr.add(vector);
    this.#update();
    return vector;
  }

  /** 11.8.5: the interrupt of highest priority is done with. */
  #endOfInterrupt(): void {
    const vector = this.#isr.highest();
    if (vector < 0) return;
    this.#isr.remove(vector);
    this.#lvt.endOfInterrupt(vector);
    if (this.#tmr.has(vector)) this.bus.broadcastEoi(vector);
    this.#update();
  }

  /** Interrupts once between two writes of ESR (11.5.3). */
  #error(error: number): void {
    const armed = this.#errors === 0;
    this.#errors |= error;
    if (armed) this.#lvt.raiseError();
  }

  // Registers

  #setTpr(value: number): void {
    this.#tpr = value & 0xff;
    this.pins.setTaskPriority(this.#tpr >> 4);
    this.#update();
  }

  /** MOV to CR8: TPR bits 3:0 become 0 (11.8.6). */
  taskPriorityChanged(cr8: number): void {
    this.#tpr = (cr8 & 0xf) << 4;
    this.#update();
  }
  /** The time-stamp counter was set. */
  timeStampChanged(): void {
    this.#timer.timeStampChanged();
  }

  #setSpurious(value: number): void {
    this.#svr = value & SVR_WRITABLE;
    this.#lvt.setEnabled((value & SVR_ENABLE) !== 0);
    this.#update();
  }

  /** A write makes the errors since the last one readable (11.5.3). */
  #latchErrors(): void {
    this.#esr = this.#errors;
    this.#errors = 0;
  }

  /** 11.12.10.2: the logical ID follows from the x2APIC ID. */
  #x2apicLdr(): number {
    return (((this.id >>> 4) << 16) | (1 << (this.id & 0xf))) >>> 0;
  }

  #sendIpi(low: number, destination: number): void {
    const deliveryMode = (low >> 8) & 7;
    const level = (low & ICR_LEVEL) !== 0;
    // INIT level de-assert resets arbitration IDs, which this bus has none of (11.6.1).
    if (deliveryMode === BUS.INIT && level && (low & ICR_ASSERT) === 0) return;
    const vector = low & 0xff;
    const fixed = deliveryMode === BUS.FIXED || deliveryMode === BUS.LOWEST_PRIORITY;
    if (fixed && vector < FIRST_VECTOR) return this.#error(SEND_ILLEGAL_VECTOR);
    const logical = (low & ICR_LOGICAL) !== 0;
    // The trigger mode of an IPI other than INIT is ignored: edge (table 11-3).
    const message = { destination, logical, deliveryMode, vector, level: false };
    const shorthand = (low >> 18) & 3;
    if (shorthand === 0) this.bus.send(message);
    else if (shorthand === SHORTHAND_SELF) this.receive(message);
    else this.bus.sendToAll(message, shorthand === SHORTHAND_ALL ? undefined : this);
  }

  /** Registers that read alike in both modes; undefined: no such register. */
  #read(offset: number): number | undefined {
    if (offset >= ISR && offset < ESR) return this.#setWord(offset);
    if (offset >= LVT && offset < LVT_END) return this.#lvt.read((offset - LVT) >> 4);
    switch (offset) {
      case ID:
        return this.x2apic ? this.id : this.id << 24;
      case VERSION:
        return VERSION_VALUE;
      case TPR:
        return this.#tpr;
      case PPR:
        return this.processorPriority;
      case LDR:
        return this.x2apic ? this.#x2apicLdr() : this.#ldr;
      case SVR:
        return this.#svr;
      case ESR:
        return this.#esr;
      case ICR:
        return this.#icr;
      case INITIAL_COUNT:
        return this.#timer.initialCount;
      case CURRENT_COUNT:
        return this.#timer.currentCount;
      case DIVIDE:
        return this.#timer.divide;
      default:
        return undefined;
    }
  }

  #setWord(offset: number): number {
    const set = offset < TMR ? this.#isr : offset < IRR ? this.#tmr : this.#irr;
    return set.words[(offset >> 4) & 7]!;
  }

  /** Registers that are written alike in both modes; false: there is no such register to be written. */
  #write(offset: number, value: number): boolean {
    if (offset >= LVT && offset < LVT_END) this.#lvt.write((offset - LVT) >> 4, value);
    else if (offset === TPR) this.#setTpr(value);
    else if (offset === EOI) this.#endOfInterrupt();
    else if (offset === SVR) this.#setSpurious(value);
    else if (offset === ESR) this.#latchErrors();
    else if (offset === INITIAL_COUNT) this.#timer.initialCount = value;
    else if (offset === DIVIDE) this.#timer.divide = value;
    else return false;
    return true;
  }

  // Bus interface: xAPIC mode

  #readMapped(offset: number, size: number): number {
    const register = offset & ~0xf;
    const within = offset & 0xf;
    if (within + size > 4) return 0;
    return (this.#readMappedRegister(register) >>> (8 * within)) >>> 0;
  }

  #readMappedRegister(register: number): number {
    if (register === ICR_HIGH) return this.#icrHigh;
    if (register === DFR) return this.#dfr;
    if (register === APR || register === EOI) return 0;
    const value = this.#read(register);
    if (value === undefined) this.#error(ILLEGAL_REGISTER);
    return value ?? 0;
  }

  #writeMapped(offset: number, value: number): void {
    if (offset === ICR) {
      this.#icr = value & ICR_WRITABLE;
      const destination = this.#icrHigh >>> 24;
      this.#sendIpi(value, destination === 0xff ? BUS.BROADCAST : destination);
    } else if (offset === ICR_HIGH) this.#icrHigh = (value & 0xff00_0000) >>> 0;
    else if (offset === LDR) this.#ldr = (value & 0xff00_0000) >>> 0;
    else if (offset === DFR) this.#dfr = (value | DFR_FIXED) >>> 0;
    else if (!this.#write(offset, value) && this.#read(offset) === undefined) this.#error(ILLEGAL_REGISTER);
  }

  // Bus interface: MSRs

  /** IA32_APIC_BASE, bits 11:8. */
  get mode(): number {
    return this.#mode;
  }

  /**
   * A write of IA32_APIC_BASE asks for this mode.
   * @returns false for a transition that raises #GP (11.12.5, figure 11-27)
   */
  setMode(value: number): boolean {
    const wanted = value & (APIC_BASE_EN | APIC_BASE_EXTD);
    const present = this.#mode & (APIC_BASE_EN | APIC_BASE_EXTD);
    if (wanted === APIC_BASE_EXTD) return false;
    if (wanted === (APIC_BASE_EN | APIC_BASE_EXTD) && present === 0) return false;
    if (wanted === APIC_BASE_EN && this.x2apic) return false;
    this.#mode = wanted | (this.#mode & APIC_BASE_BSP);
    // Disabling loses the state; from xAPIC to x2APIC mode it stays, but for the high half of the ICR (11.12.5.1).
    if (wanted === 0 && present !== 0) this.initialise();
    else if (wanted !== present && this.x2apic) this.#icrHigh = 0;
    this.#update();
    return true;
  }

  /** IA32_TSC_DEADLINE (11.5.4.1). */
  get deadline(): bigint {
    return this.#timer.deadline;
  }
  set deadline(timeStamp: bigint) {
    this.#timer.deadline = timeStamp;
  }

  /** RDMSR of 800H + `number` (table 11-6). Undefined: #GP. */
  readMsr(number: number): bigint | undefined {
    const offset = number << 4;
    if (!this.x2apic || offset === SELF_IPI || offset === ICR_HIGH) return undefined;
    const value = this.#read(offset);
    if (value === undefined) return undefined;
    const high = offset === ICR ? BigInt(this.#icrHigh) << 32n : 0n;
    return BigInt(value >>> 0) | high;
  }

  /** WRMSR of 800H + `number`. False: #GP, for a register that is not there, is read-only, or has reserved bits set. */
  writeMsr(number: number, value: bigint): boolean {
    const offset = number << 4;
    if (!this.x2apic) return false;
    const low = Number(value & 0xffff_ffffn);
    if (offset === ICR) return this.#writeX2apicIcr(low, Number(value >> 32n));
    if (value >> 32n !== 0n || (low & this.#reserved(offset)) !== 0) return false;
    if (offset === SELF_IPI) {
      this.#sendIpi((SHORTHAND_SELF << 18) | low, this.id);
      return true;
    }
    return this.#write(offset, low);
  }

  #writeX2apicIcr(low: number, destination: number): boolean {
    if (low & X2APIC_ICR_RESERVED) return false;
    this.#icr = low;
    this.#icrHigh = destination;
    this.#sendIpi(low, destination);
    return true;
  }

  /** Bits that WRMSR must leave 0. */
  #reserved(offset: number): number {
    if (offset >= LVT && offset < LVT_END) return ~this.#lvt.defined((offset - LVT) >> 4);
    if (offset === TPR || offset === SELF_IPI) return ~0xff;
    if (offset === SVR) return ~SVR_WRITABLE;
    if (offset === EOI || offset === ESR) return ~0;
    return offset === DIVIDE ? ~0xb : 0;
  }

  snapshot(): LocalApicState {
    return {
      mode: this.#mode,
      tpr: this.#tpr,
      ldr: this.#ldr,
      dfr: this.#dfr,
      svr: this.#svr,
      errors: this.#errors,
      esr: this.#esr,
      icr: this.#icr,
      icrHigh: this.#icrHigh,
      irr: [...this.#irr.words],
      isr: [...this.#isr.words],
      tmr: [...this.#tmr.words],
      extInt: this.#extInt,
      output: this.#output,
      lvt: this.#lvt.snapshot(),
      timer: this.#timer.snapshot(),
    };
  }
  /** Takes over a state taken at the clock's present time, without driving any pin. */
  restore(state: LocalApicState): void {
    this.#mode = state.mode;
    this.#tpr = state.tpr;
    this.#ldr = state.ldr;
    this.#dfr = state.dfr;
    this.#svr = state.svr;
    this.#errors = state.errors;
    this.#esr = state.esr;
    this.#icr = state.icr;
    this.#icrHigh = state.icrHigh;
    this.#irr.words.set(state.irr);
    this.#isr.words.set(state.isr);
    this.#tmr.words.set(state.tmr);
    this.#extInt = state.extInt;
    this.#output = state.output;
    this.#lvt.restore(state.lvt);
    this.#timer.restore(state.timer);
  }
}
