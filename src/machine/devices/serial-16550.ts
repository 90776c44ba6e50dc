import { byteWide, type Device } from "../bus.js";

/**
 * National Semiconductor NS16550A UART (datasheet PC16550D, June 1995) on a PC's serial port: OUT2 gates its interrupt
 * line, and the far end holds CTS, DSR and DCD. Transmission takes no time, so that the transmitter is always empty
 * and a receive FIFO below its trigger level times out at once. Line format and speed are stored and have no effect.
 * @module
 */

const RBR_THR_DLL = 0;
const IER_DLM = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const IER_ERBFI = 1 << 0;
const IER_ETBEI = 1 << 1;
const IER_ELSI = 1 << 2;
const IER_EDSSI = 1 << 3;
const IIR_NONE = 1;
const IIR_MODEM_STATUS = 0;
const IIR_TRANSMITTER_EMPTY = 2;
const IIR_DATA_AVAILABLE = 4;
const IIR_LINE_STATUS = 6;
const IIR_CHARACTER_TIMEOUT = 12;
const IIR_FIFOS_ENABLED = 0xc0;
const FCR_ENABLE = 1 << 0;
const FCR_RESET_RECEIVER = 1 << 1;
const LCR_BREAK = 1 << 6;
const LCR_DLAB = 1 << 7;
const MCR_DTR = 1 << 0;
const MCR_RTS = 1 << 1;
const MCR_OUT1 = 1 << 2;
const MCR_OUT2 = 1 << 3;
const MCR_LOOP = 1 << 4;
const MCR_WRITABLE = 0x1f;
const LSR_DR = 1 << 0;
const LSR_OE = 1 << 1;
const LSR_PE = 1 << 2;
const LSR_FE = 1 << 3;
const LSR_BI = 1 << 4;
const LSR_THRE = 1 << 5;
const LSR_TEMT = 1 << 6;
const LSR_FIFO_ERROR = 1 << 7;
const LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI;
const MSR_TERI = 1 << 2;
const MSR_CTS = 1 << 4;
const MSR_DSR = 1 << 5;
const MSR_RI = 1 << 6;
const MSR_DCD = 1 << 7;
const MSR_LEVELS = 0xf0;

const FIFO_BYTES = 16;
/** Receive trigger by FCR bits 7:6. */
const TRIGGERS = [1, 4, 8, 14] as const;

/** Plain data. */
export interface Serial16550State {
  ier: number;
  lcr: number;
  mcr: number;
  scr: number;
  divisor: number;
  /** Modem status: levels and deltas. */
  msr: number;
  fifos: boolean;
  trigger: number;
  /** Received characters, oldest first; bit 8 marks a break. */
  received: number[];
  overrun: boolean;
  /** Break of the oldest character not read from LSR yet. */
  breakSeen: boolean;
  /** THRE interrupt waits to be read from IIR. */
  transmitterEmpty: boolean;
  /** MCR has been written. */
  modemControlled: boolean;
  /** LSR was read since the last character and had none. */
  polled: boolean;
  line: boolean;
}

const RECEIVED_BREAK = 1 << 8;

export class Serial16550 {
  /** 8 ports. */
  readonly device: Device = byteWide(
    (offset) => this.#read(offset),
    (offset, value) => this.#write(offset, value),
  );
  #state: Serial16550State = {
    ier: 0,
    lcr: 0,
    mcr: 0,
    scr: 0,
    divisor: 1,
    msr: MSR_CTS | MSR_DSR | MSR_DCD,
    fifos: false,
    trigger: 1,
    received: [],
    overrun: false,
    breakSeen: false,
    transmitterEmpty: false,
    modemControlled: false,
    polled: false,
    line: false,
  };
  /** Called after each access that leaves the port {@link listening}. */
  onListening: () => void = () => {};

  /**
   * @param transmit - takes each byte that leaves the port
   * @param output - the interrupt line, called on every change
   */
  constructor(
    private readonly transmit: (byte: number) => void,
    private readonly output: (level: boolean) => void,
  ) {}

  /** A byte arrives from the far end; it is lost, with an overrun, when there is no room, and unheard in loopback. */
  receive(byte: number): void {
    if (this.#state.mcr & MCR_LOOP) return;
    this.#accept(byte & 0xff);
    this.#update();
  }

  /** How many bytes {@link receive} would take now without losing one. */
  get room(): number {
    return Math.max(0, (this.#state.fifos ? FIFO_BYTES : 1) - this.#state.received.length);
  }

  /**
   * Whether a patient sender sends now: there is room, and software shows that it wants data. It asserts RTS; or, if it
   * asserts no DTR either and so knows of no handshake, it has enabled the interrupt for data, or it polls a port whose
   * modem control it has never touched.
   */
  get listening(): boolean {
    const s = this.#state;
    if (this.room === 0 || s.mcr & MCR_LOOP) return false;
    if (s.mcr & MCR_RTS) return true;
    if (s.mcr & MCR_DTR) return false;
    return (s.ier & IER_ERBFI) !== 0 || (s.polled && !s.modemControlled);
  }

  /** Whether a received character would interrupt the processor, as far as the port is concerned. */
  get interruptsOnData(): boolean {
    const { ier, mcr } = this.#state;
    return (ier & IER_ERBFI) !== 0 && (mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
  }

  #accept(character: number): void {
    const s = this.#state;
    s.polled = false;
    if (this.room === 0) {
      s.overrun = true;
      // Without FIFOs the new character replaces the old one; with them it is lost in the shift register.
      if (!s.fifos) s.received = [character];
      else return;
    } else {
      s.received.push(character);
    }
    if (s.received.length === 1) this.#inspect();
  }

  /** The oldest character's errors show in LSR when it reaches the top of the FIFO. */
  #inspect(): void {
    const s = this.#state;
    if (s.received.length > 0 && s.received[0]! & RECEIVED_BREAK) {
      s.breakSeen = true;
      s.received[0]! &= 0xff;
    }
  }

  #lineStatus(): number {
    const s = this.#state;
    return (
      LSR_THRE |
      LSR_TEMT |
      (s.received.length > 0 ? LSR_DR : 0) |
      (s.overrun ? LSR_OE : 0) |
      (s.breakSeen ? LSR_BI : 0) |
      (s.fifos && (s.breakSeen || s.received.some((c) => c & RECEIVED_BREAK)) ? LSR_FIFO_ERROR : 0)
    );
  }

  /** IIR bits 3:0: the enabled source of highest priority (table III). */
  #source(): number {
    const s = this.#state;
    if (s.ier & IER_ELSI && this.#lineStatus() & LSR_ERRORS) return IIR_LINE_STATUS;
    if (s.ier & IER_ERBFI && s.received.length > 0) {
      return s.fifos && s.received.length < s.trigger ? IIR_CHARACTER_TIMEOUT : IIR_DATA_AVAILABLE;
    }
    if (s.ier & IER_ETBEI && s.transmitterEmpty) return IIR_TRANSMITTER_EMPTY;
    if (s.ier & IER_EDSSI && s.msr & ~MSR_LEVELS) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #update(): void {
    const s = this.#state;
    const gate = (s.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    const level = gate && this.#source() !== IIR_NONE;
    if (level === s.line) return;
    s.line = level;
    this.output(level);
  }

  #send(byte: number): void {
    const s = this.#state;
    s.transmitterEmpty = false;
    this.#update();
    if (s.mcr & MCR_LOOP) this.#accept(byte);
    else this.transmit(byte);
    s.transmitterEmpty = true;
  }

  #controlFifos(value: number): void {
    const s = this.#state;
    const enable = (value & FCR_ENABLE) !== 0;
    if (enable !== s.fifos || (enable && value & FCR_RESET_RECEIVER)) s.received = [];
    s.fifos = enable;
    if (enable) s.trigger = TRIGGERS[(value >> 6) as 0 | 1 | 2 | 3];
  }

  /** Loopback connects RTS, DTR, OUT1 and OUT2 to CTS, DSR, RI and DCD. */
  #controlModem(value: number): void {
    const s = this.#state;
    s.mcr = value & MCR_WRITABLE;
    s.modemControlled = true;
    const levels =
      s.mcr & MCR_LOOP
        ? (s.mcr & MCR_RTS ? MSR_CTS : 0) |
          (s.mcr & MCR_DTR ? MSR_DSR : 0) |
          (s.mcr & MCR_OUT1 ? MSR_RI : 0) |
          (s.mcr & MCR_OUT2 ? MSR_DCD : 0)
        : MSR_CTS | MSR_DSR | MSR_DCD;
    const changed = (s.msr ^ levels) & MSR_LEVELS;
    // The delta of RI is set by its trailing edge only.
    const deltas = ((changed & ~MSR_RI) >> 4) | (changed & s.msr & MSR_RI ? MSR_TERI : 0);
    s.msr = levels | (s.msr & ~MSR_LEVELS) | deltas;
  }

  #controlLine(value: number): void {
    const s = this.#state;
    const startsBreak = value & ~s.lcr & LCR_BREAK;
    s.lcr = value;
    if (startsBreak && s.mcr & MCR_LOOP) this.#accept(RECEIVED_BREAK);
  }

  #enableInterrupts(value: number): void {
    const s = this.#state;
    if (value & ~s.ier & IER_ETBEI) s.transmitterEmpty = true;
    s.ier = value & 0x0f;
  }

  #read(offset: number): number {
    const value = this.#readRegister(offset);
    this.#update();
    if (this.listening) this.onListening();
    return value;
  }

  #readRegister(offset: number): number {
    const s = this.#state;
    const dlab = (s.lcr & LCR_DLAB) !== 0;
    switch (offset) {
      case RBR_THR_DLL:
        return dlab ? s.divisor & 0xff : this.#takeReceived();
      case IER_DLM:
        return dlab ? s.divisor >> 8 : s.ier;
      case IIR_FCR:
        return this.#identify();
      case LCR:
        return s.lcr;
      case MCR:
        return s.mcr;
      case LSR: {
        const status = this.#lineStatus();
        s.overrun = false;
        s.breakSeen = false;
        s.polled = (status & LSR_DR) === 0;
        return status;
      }
      case MSR: {
        const status = s.msr;
        s.msr &= MSR_LEVELS;
        return status;
      }
      case SCR:
        return s.scr;
      default:
        return 0xff;
    }
  }

  #takeReceived(): number {
    const byte = this.#state.received.shift() ?? 0;
    this.#inspect();
    return byte & 0xff;
  }

  #identify(): number {
    const s = this.#state;
    const source = this.#source();
    if (source === IIR_TRANSMITTER_EMPTY) s.transmitterEmpty = false;
    return source | (s.fifos ? IIR_FIFOS_ENABLED : 0);
  }

  #write(offset: number, value: number): void {
    const s = this.#state;
    const dlab = (s.lcr & LCR_DLAB) !== 0;
    if (offset === RBR_THR_DLL) {
      if (dlab) s.divisor = (s.divisor & 0xff00) | value;
      else this.#send(value);
    } else if (offset === IER_DLM) {
      if (dlab) s.divisor = (s.divisor & 0xff) | (value << 8);
      else this.#enableInterrupts(value);
    } else if (offset === IIR_FCR) this.#controlFifos(value);
    else if (offset === LCR) this.#controlLine(value);
    else if (offset === MCR) this.#controlModem(value);
    else if (offset === SCR) s.scr = value;
    this.#update();
    if (this.listening) this.onListening();
  }

  snapshot(): Serial16550State {
    return { ...this.#state, received: [...this.#state.received] };
  }
  /** Takes over a state without driving the interrupt line. */
  restore(state: Serial16550State): void {
    this.#state = { ...state, received: [...state.received] };
  }
}
