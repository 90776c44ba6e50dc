/** The machine of the capstone: it is made when the reader says what to boot, and made again when they say so again. */
import type { MachineView } from "../../lib/experiments/view.js";
import { element, type FrameOptions } from "../figures/frame.js";
import { Machine, type MachineState } from "../machine/client.js";
import * as show from "../machine/instruments.js";
import { terminalOf, type TerminalPane } from "../machine/terminal.js";
import { opener, type BootChoice } from "./opener.js";
import type { PreparedLinux } from "./prepared-linux.js";

export interface Capstone {
  element: HTMLElement;
  /** Told every state of whatever machine there is. */
  subscribe(listener: (state: MachineState) => void): void;
  /** A number or a few words in running text, taken from the machine as it stands. */
  live(words: (view: MachineView) => string, before: string): HTMLElement;
  dispose(): void;
}

export function capstone(linux: PreparedLinux, rings: FrameOptions): Capstone {
  const listeners: ((state: MachineState) => void)[] = [];
  const host = element("div", { class: "linux-stage" });
  let machine: Machine | null = null;
  let terminal: TerminalPane | null = null;
  const close = (): void => {
    terminal?.dispose();
    machine?.dispose();
    terminal = machine = null;
  };
  const boot = ({ name, ...setup }: BootChoice): void => {
    close();
    const made = new Machine({ guest: name, ...setup });
    const screen = terminalOf(made);
    machine = made;
    terminal = screen;
    made.subscribe((state) => {
      for (const listener of listeners) listener(state);
    });
    host.replaceChildren(
      show.stage(made, screen.element, [
        show.pane("VM exits by reason", show.exitCounts(made)),
        show.rings(made, rings),
      ]),
    );
    made.runWhenReady();
    screen.focus();
    host.scrollIntoView({ block: "start", behavior: "auto" });
  };
  return {
    element: element("div", { class: "wide linux-capstone" }, opener(linux, boot), host),
    subscribe: (listener) => void listeners.push(listener),
    live(words, before) {
      const span = element("span", { class: "live" }, before);
      listeners.push(({ view }) => {
        const text = view ? words(view) : before;
        if (span.textContent !== text) span.textContent = text;
      });
      return span;
    },
    dispose: close,
  };
}
