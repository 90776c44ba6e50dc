import { fstatSync, readFileSync } from "node:fs";
import type { ReadStream } from "node:tty";

/** Ctrl-A, as QEMU's console has it. */
const ESCAPE = 0x01;
const STDIN = 0;

/**
 * Standard input as the keyboard of a guest's console. A file is typed at once, so that the run is the same every time; a
 * pipe is typed as it comes. A terminal gives every key to the guest, but for Ctrl-A x, which quits.
 */
export class Keyboard {
  /** More may come. */
  open = true;
  /** The user has typed Ctrl-A x. */
  quit = false;
  #bytes: number[] = [];
  #escaped = false;
  #stream: ReadStream | null = null;
  #wake: () => void = () => {};

  constructor() {
    if (isFile()) {
      this.#bytes = [...readFileSync(STDIN)];
      this.open = false;
      return;
    }
    this.#stream = process.stdin;
    const ended = (): void => this.#end();
    process.stdin.on("data", this.#hear).once("end", ended).once("error", ended).once("close", ended);
    if (this.interactive) process.stdin.setRawMode(true);
  }

  /** Somebody sits at a terminal. */
  get interactive(): boolean {
    return this.#stream?.isTTY ?? false;
  }

  /** What has been typed since the last call. */
  take(): Uint8Array {
    return Uint8Array.from(this.#bytes.splice(0));
  }

  /** Lets input arrive: for `milliseconds`, or less when something comes; endlessly if that is Infinity. */
  listen(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (milliseconds <= 0) setImmediate(this.#wake);
    });
  }

  close(): void {
    if (this.interactive) process.stdin.setRawMode(false);
    process.stdin.off("data", this.#hear);
    this.#end();
  }

  #hear = (chunk: Buffer): void => {
    for (const byte of chunk) this.#key(byte);
    this.#wake();
  };

  #key(byte: number): void {
    if (!this.interactive) {
      this.#bytes.push(byte);
      return;
    }
    const escaped = this.#escaped;
    this.#escaped = !escaped && byte === ESCAPE;
    if (this.#escaped) return;
    if (escaped && (byte | 0x20) === 0x78) this.quit = true;
    else if (!escaped || byte === ESCAPE) this.#bytes.push(byte);
  }

  #end(): void {
    this.open = false;
    this.#stream?.destroy();
    this.#stream = null;
    this.#wake();
  }
}

function isFile(): boolean {
  try {
    return fstatSync(STDIN).isFile();
  } catch {
    return false;
  }
}
