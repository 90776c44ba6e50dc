/** What a terminal has to write to show a console that grows, or that a replay has made shorter. Pure. */

export interface ConsoleStep {
  /** What the terminal shows is not how the console begins: it has to be cleared. */
  restart: boolean;
  /** Then these come. */
  bytes: Uint8Array;
}

export class ConsoleStream {
  #written = "";

  /** @param output - the whole console, a character for each byte */
  next(output: string): ConsoleStep {
    const restart = !output.startsWith(this.#written);
    const text = restart ? output : output.slice(this.#written.length);
    this.#written = output;
    return { restart, bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) };
  }
}
