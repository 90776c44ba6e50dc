/** What stands around an editor: buttons, the state in words, and the way out. */

export interface Actions {
  run?: () => void;
  reset: () => void;
  format?: () => void;
  close?: () => void;
}

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

function button(text: string, title: string, action: () => void, primary = false): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = primary ? "button primary" : "button";
  made.textContent = text;
  made.title = title;
  made.addEventListener("click", action);
  return made;
}

export class Toolbar {
  /** Where Monaco goes. */
  readonly host = document.createElement("div");
  readonly #frame = document.createElement("div");
  readonly #buttons = document.createElement("div");
  readonly #state = document.createElement("p");
  readonly #problems = document.createElement("span");
  readonly #words = document.createElement("span");

  constructor(container: HTMLElement, label: string) {
    this.#frame.className = "editor";
    this.#frame.role = "group";
    this.#frame.ariaLabel = `Editor: ${label}`;
    // Keys typed here are the editor's: no slide turns, no search opens.
    this.#frame.addEventListener("keydown", (event) => event.stopPropagation());
    this.host.className = "editor-host";
    this.#buttons.className = "editor-buttons";
    this.#state.className = "editor-state";
    this.#state.role = "status";
    this.#words.className = "editor-words";
    this.#problems.className = "editor-problems";
    this.#state.append(this.#problems, this.#words);
    const out = document.createElement("p");
    out.className = "editor-out";
    out.innerHTML = `<kbd>Esc</kbd> then <kbd>Tab</kbd> leaves the editor; <kbd>${MAC ? "⌃⇧M" : "Ctrl+M"}</kbd> makes Tab always leave.`;
    this.#frame.append(this.#buttons, this.host, this.#state, out);
    container.append(this.#frame);
  }

  connect({ run, reset, format, close }: Actions): void {
    const key = MAC ? "⌘Enter" : "Ctrl+Enter";
    if (run) this.#buttons.append(button("▶ Run", `Run with this source (${key})`, run, true));
    this.#buttons.append(button("Reset", "Back to the source of the notebook", reset));
    if (format) this.#buttons.append(button("Format", "Lay the code out (Shift+Alt+F)", format));
    if (close) this.#buttons.append(button("Close", "Close the editor; edits are kept", close));
  }

  say(words: string): void {
    this.#words.textContent = words;
  }

  fail(words: string): void {
    this.#frame.classList.add("failed");
    this.say(words);
  }

  /** Number of errors marked. */
  count(errors: number): void {
    this.#problems.textContent = errors === 0 ? "" : errors === 1 ? "1 error" : `${errors} errors`;
  }

  remove(): void {
    this.#frame.remove();
  }
}
