/** What the guest wrote to its serial port. */
import { element } from "./frame.js";
import { consolePieces, consoleTail } from "./console-text.js";

export interface ConsoleFigure {
  element: HTMLElement;
  update(output: string, state: { ready: boolean; ended: boolean; guest: string }): void;
}

const LIMIT = 20_000;

export function guestConsole(): ConsoleFigure {
  const screen = element("pre", {
    class: "guest-console",
    tabindex: "0",
    role: "log",
    "aria-label": "Console of the guest",
  });
  let shown: string | null = null;
  return {
    element: screen,
    update(output, { ready, ended, guest }) {
      const key = `${output.length}.${ready}.${ended}`;
      if (key === shown) return;
      shown = key;
      const atEnd = screen.scrollTop + screen.clientHeight >= screen.scrollHeight - 8;
      const { text, cut } = consoleTail(output, LIMIT);
      screen.replaceChildren();
      if (ready && output === "") {
        screen.append(
          element("span", { class: "console-note" }, `The serial port of “${guest}”. Nothing written yet.`),
        );
        return;
      }
      if (cut) screen.append(element("span", { class: "console-note" }, "… earlier output left out\n"));
      for (const piece of consolePieces(text)) {
        screen.append(piece.control ? element("span", { class: "console-control" }, piece.text) : piece.text);
      }
      if (!ended) screen.append(element("span", { class: "console-cursor", "aria-hidden": "true" }));
      if (atEnd) screen.scrollTop = screen.scrollHeight;
    },
  };
}
