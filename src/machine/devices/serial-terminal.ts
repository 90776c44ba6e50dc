/** The near end of a line: a serial port, or whatever else takes what is typed. */
export interface LineEnd {
  /** It takes a byte now without losing it. */
  readonly listening: boolean;
  /** A byte would interrupt the software at this end. */
  readonly interruptsOnData: boolean;
  receive(byte: number): void;
  /** Called when it may have begun to listen. */
  onListening: () => void;
}

// #region serial-terminal
/**
 * The terminal at the far end of a serial line. It keeps what is typed until the software at the near end listens and has
 * room for it, so that nothing is lost while a kernel boots.
 */
export class SerialTerminal {
  #typed: number[] = [];
  #sent = 0;

  constructor(private readonly port: LineEnd) {
    port.onListening = () => this.#send();
  }

  /** Whether typing wakes a processor that sleeps at the near end. */
  get wakes(): boolean {
    return this.port.interruptsOnData;
  }

  /** Bytes are typed: they follow those that still wait. */
  type(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#typed.push(byte);
    this.#send();
  }

  #send(): void {
    while (this.#sent < this.#typed.length && this.port.listening)
      this.port.receive(this.#typed[this.#sent++]!);
    if (this.#sent < this.#typed.length || this.#sent === 0) return;
    this.#typed = [];
    this.#sent = 0;
  }
}
// #endregion
