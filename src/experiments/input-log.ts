/** Bytes typed at the guest's console. */
export interface TypedInput {
  /** Where the run was. */
  position: number;
  bytes: Uint8Array;
  /** The run had ended, halted: the input woke it. */
  woke: boolean;
}

/** What was typed during a run, so that a replay types it again at the same positions. */
export class InputLog {
  #entries: TypedInput[] = [];
  #replayed = 0;

  /** Position of the next input of a replay; Infinity when there is none. */
  get due(): number {
    return this.#entries[this.#replayed]?.position ?? Infinity;
  }

  /** The next input of a replay. */
  take(): TypedInput {
    return this.#entries[this.#replayed++]!;
  }

  /** Something is typed now: what followed this moment when the run came here before will not happen. */
  add(input: TypedInput): void {
    this.#entries.splice(this.#replayed, Infinity, input);
    this.#replayed++;
  }

  /** The run begins again. */
  rewind(): void {
    this.#replayed = 0;
  }
}
