/** The controls of a machine: the same, in the same order, wherever one runs. */
import { cycles, counted } from "../figures/format.js";
import { element } from "../figures/frame.js";
import type { Machine, MachineState } from "./client.js";
import { momentText } from "./moment.js";

interface Control {
  key: string;
  name: string;
  symbol: string;
  title: string;
  act: (machine: Machine) => void;
  enabled: (state: MachineState) => boolean;
}

const stopped = ({ status }: MachineState): boolean => status === "ready" || status === "paused";

const CONTROLS: readonly Control[] = [
  {
    key: "r",
    name: "reset",
    symbol: "⟲",
    title: "Put the machine back to its start",
    act: (machine) => machine.reset(),
    enabled: ({ status }) => status !== "loading",
  },
  {
    key: "b",
    name: "back",
    symbol: "◀",
    title: "Undo one step",
    act: (machine) => machine.back(),
    enabled: ({ status }) => status === "paused" || status === "ended",
  },
  {
    key: "p",
    name: "run",
    symbol: "▶",
    title: "Run until it ends or is paused",
    act: (machine) => (machine.state.status === "running" ? machine.pause() : machine.run()),
    enabled: (state) => stopped(state) || state.status === "running",
  },
  {
    key: "s",
    name: "step",
    symbol: "",
    title: "One instruction of the guest, or the handling of one exit",
    act: (machine) => machine.step(),
    enabled: stopped,
  },
  {
    key: "e",
    name: "to next exit",
    symbol: "",
    title: "Run to the next VM exit",
    act: (machine) => machine.toExit(),
    enabled: stopped,
  },
];

const PACES: readonly [string, number | null][] = [
  ["full speed", null],
  ["8 exits a second", 8],
  ["1 exit a second", 1],
];

/** At most one announcement in this many milliseconds. */
const ANNOUNCE_EVERY = 1_000;

export function controls(machine: Machine): HTMLElement {
  const buttons = CONTROLS.map((control) => {
    const button = element(
      "button",
      {
        type: "button",
        class: control.name === "run" ? "button primary" : "button",
        title: `${control.title} (key ${control.key})`,
      },
      label(control.symbol, control.name),
    );
    button.addEventListener("click", () => {
      if (control.enabled(machine.state)) control.act(machine);
    });
    return { control, button };
  });
  const pace = element("select", {
    class: "field",
    "aria-label": "Speed",
    title: "How fast the machine runs",
  });
  for (const [name, value] of PACES) pace.append(element("option", { value: String(value) }, name));
  pace.addEventListener("change", () => machine.setPace(pace.value === "null" ? null : Number(pace.value)));
  const words = element("span", { class: "machine-words" });
  const place = element("a", {
    class: "machine-place",
    title: "A link to this moment: the machine is deterministic",
  });
  const spoken = element("span", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const bar = element(
    "div",
    {
      class: "machine-controls",
      role: "group",
      "aria-label": `Controls of the machine that runs “${machine.state.guest}”`,
    },
    element("div", { class: "machine-buttons" }, ...buttons.map(({ button }) => button), pace),
    element("p", { class: "machine-state" }, words, " ", place, spoken),
  );
  const announce = throttled((text) => {
    spoken.textContent = text;
  }, ANNOUNCE_EVERY);
  machine.subscribe((state) => {
    for (const { control, button } of buttons) {
      setDisabled(button, !control.enabled(state));
      if (control.name === "run") {
        const running = state.status === "running";
        const [symbol, name] = running ? ["❚❚", "pause"] : ["▶", "run"];
        if (button.dataset.shows !== name) button.replaceChildren(label(symbol, name));
        button.dataset.shows = name;
        button.title = running ? "Pause (key p)" : `${control.title} (key p)`;
      }
    }
    pace.value = String(state.pace);
    const text = stateInWords(state);
    words.textContent = text;
    bar.dataset.status = state.status;
    showPlace(place, state, machine.addressed);
    if (state.status !== "running") announce(text);
  });
  return bar;
}

/** A disabled button keeps the focus and says so; the reader's keys are not lost. */
function setDisabled(button: HTMLButtonElement, disabled: boolean): void {
  button.setAttribute("aria-disabled", String(disabled));
}

function label(symbol: string, name: string): DocumentFragment {
  const made = document.createDocumentFragment();
  if (symbol) made.append(element("span", { "aria-hidden": "true" }, symbol), " ");
  made.append(element("span", { class: "control-name" }, name));
  return made;
}

export function stateInWords({ status, view, guest }: MachineState): string {
  if (status === "loading") return `loading “${guest}” …`;
  if (status === "failed") return "stopped: see the message";
  if (!view) return "";
  if (status === "running") {
    return `running: ${counted(view.moment.exits, "exit")}, ${cycles(view.cycles)}`;
  }
  return view.words;
}

function showPlace(place: HTMLAnchorElement, { view, status }: MachineState, addressed: boolean): void {
  const shown =
    addressed && view !== null && status !== "running" && status !== "loading" && view.phase !== "ready";
  place.hidden = !shown;
  if (!shown) return;
  place.href = `#at=${momentText(view.moment)}`;
  place.textContent = "link to this moment";
}

/**
 * Makes the keys of the controls work while the focus is inside `area`, outside fields and editors. Single keys act
 * nowhere else (WCAG 2.1.4).
 */
export function controlKeys(area: HTMLElement, machine: Machine): void {
  area.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if ((event.target as Element).closest("input, select, textarea, [contenteditable], .monaco-editor"))
      return;
    const control = CONTROLS.find(({ key }) => key === event.key.toLowerCase());
    if (!control) return;
    event.preventDefault();
    event.stopPropagation();
    if (control.enabled(machine.state)) control.act(machine);
  });
}

function throttled(act: (text: string) => void, every: number): (text: string) => void {
  let waiting: string | null = null;
  let quietUntil = 0;
  return (text) => {
    const now = performance.now();
    if (waiting !== null) {
      waiting = text;
      return;
    }
    if (now >= quietUntil) {
      quietUntil = now + every;
      act(text);
      return;
    }
    waiting = text;
    setTimeout(() => {
      quietUntil = performance.now() + every;
      act(waiting!);
      waiting = null;
    }, quietUntil - now);
  };
}
