/**
 * A terminal on the serial line of a guest: shows what it writes, types what the reader types. It is part of the page
 * only where a machine has been opened.
 */
import type { Terminal } from "@xterm/xterm";
import { element } from "../figures/frame.js";
import { onThemeChange } from "../theme.js";
import type { Machine } from "./client.js";
import { ConsoleStream } from "./console-stream.js";
import { loadXterm, terminalTheme, type XtermModule } from "./xterm.js";

const ROWS = 24;
const SCROLLBACK = 10_000;
const FONT_PIXELS = 13;
const NARROW_FONT_PIXELS = 10;
const NARROW = 560;

export interface TerminalPane {
  element: HTMLElement;
  /** Puts the keyboard there, as soon as it has opened. */
  focus(): void;
  dispose(): void;
}

export function terminalOf(machine: Machine): TerminalPane {
  const host = element("div", { class: "terminal-host" });
  const after = element("p", { class: "terminal-out", tabindex: "-1", id: "terminal-way-out" });
  const says = element("p", { class: "terminal-loading", role: "status" }, "Opening the terminal …");
  const made = element("div", { class: "terminal", role: "group", "aria-label": "Terminal of the guest" });
  after.append(
    "Keys go to the guest, Tab and Esc too. ",
    element("kbd", {}, "F6"),
    " leaves the terminal, ",
    element("kbd", {}, "Shift+Tab"),
    " goes back to the controls.",
  );
  made.append(says, host, after);
  const ends: (() => void)[] = [];
  let disposed = false;
  let shown: Terminal | null = null;
  let wanted = false;
  loadXterm().then(
    (xterm) => {
      says.remove();
      if (disposed) return;
      const terminal = open(xterm, host, after);
      connect(terminal, machine, ends);
      shown = terminal;
      if (wanted) terminal.focus();
      ends.push(
        keepWidth(xterm, terminal, host),
        onThemeChange(() => (terminal.options.theme = terminalTheme())),
        () => terminal.dispose(),
      );
    },
    () => (says.textContent = "The terminal could not be loaded. Reload the page."),
  );
  return {
    element: made,
    focus() {
      wanted = true;
      shown?.focus();
    },
    dispose() {
      disposed = true;
      for (const end of ends) end();
    },
  };
}

function open({ Terminal }: XtermModule, host: HTMLElement, after: HTMLElement): Terminal {
  const terminal = new Terminal({
    rows: ROWS,
    scrollback: SCROLLBACK,
    fontFamily: '"IBM Plex Mono", monospace',
    fontSize: host.clientWidth < NARROW ? NARROW_FONT_PIXELS : FONT_PIXELS,
    lineHeight: 1.2,
    theme: terminalTheme(),
    minimumContrastRatio: 4.5,
    screenReaderMode: true,
  });
  terminal.open(host);
  terminal.textarea?.setAttribute("aria-describedby", after.id);
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key === "Tab" && event.shiftKey) return false;
    if (event.key !== "F6") return true;
    event.preventDefault();
    if (event.type === "keydown") after.focus();
    return false;
  });
  return terminal;
}

function connect(terminal: Terminal, machine: Machine, ends: (() => void)[]): void {
  const encoder = new TextEncoder();
  const stream = new ConsoleStream();
  // What the guest asked its terminal in a run that is only shown again has been answered already.
  let repeating = 0;
  const typed = terminal.onData((text) => {
    if (repeating === 0) machine.type(encoder.encode(text));
  });
  const stop = machine.subscribe(({ view }) => {
    const { restart, bytes } = stream.next(view?.console ?? "");
    if (restart) terminal.reset();
    if (bytes.length === 0) return;
    if (restart) repeating++;
    terminal.write(bytes, () => {
      if (restart) repeating--;
    });
  });
  ends.push(stop, () => typed.dispose());
}

/** As many columns as fit. */
function keepWidth({ FitAddon }: XtermModule, terminal: Terminal, host: HTMLElement): () => void {
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  const resize = (): void => {
    if (host.clientWidth === 0) return;
    terminal.options.fontSize = host.clientWidth < NARROW ? NARROW_FONT_PIXELS : FONT_PIXELS;
    const columns = fit.proposeDimensions()?.cols;
    if (columns) terminal.resize(columns, ROWS);
  };
  const observer = new ResizeObserver(resize);
  observer.observe(host);
  return () => observer.disconnect();
}
