/**
 * Puts what a reader writes in place of quoted source (see ../source.ts) into a machine, and says beside it what came of
 * it.
 */
import { FileAttachment } from "observablehq:stdlib";
import type * as Transpile from "../../lib/grading/realm/transpile.js";
import { element } from "../figures/frame.js";
import type { PartDetail } from "../source.js";
import type { Machine, MachineState } from "./client.js";
import { exportNameOf } from "./export-name.js";

/** Fetched when a reader runs the first change. */
const TRANSPILE = FileAttachment("../generated/transpile.js").href;

interface Place {
  words: HTMLElement;
  setMarkers: PartDetail["setMarkers"];
}

export function connectEdits(machine: Machine): () => void {
  const places = new Map<string, Place>();

  const put = async ({ part, path, source, js, region, setMarkers }: PartDetail): Promise<void> => {
    const quote = document.getElementById(`quote-${region}`);
    if (quote) places.set(part, { words: sayIn(quote, part, machine), setMarkers });
    machine.edit(part, { path, exportName: exportNameOf(part), javascript: await onItsLines(source, js) });
    machine.runWhenReady();
  };
  const taken = (event: CustomEvent<PartDetail>): void => void put(event.detail);
  const restore = (event: CustomEvent<Pick<PartDetail, "part">>): void => {
    if (event.detail.part in machine.state.edited) machine.edit(event.detail.part, null);
  };
  addEventListener("ring1:run-part", taken);
  addEventListener("ring1:reset-part", restore);
  const stop = machine.subscribe((state) => {
    for (const [part, place] of places) tell(part, place, state);
  });
  return () => {
    removeEventListener("ring1:run-part", taken);
    removeEventListener("ring1:reset-part", restore);
    stop();
  };
}

/** The source without its types, every statement on its line, so that a message can name the line. */
async function onItsLines(source: string, js: string): Promise<string> {
  const { transpile } = (await import(TRANSPILE)) as typeof Transpile;
  const result = await transpile(source);
  return result.ok ? result.code : js;
}

function tell(
  part: string,
  { words, setMarkers }: Place,
  { edited, notice, status, view }: MachineState,
): void {
  const say = (text: string, kind: "good" | "bad"): void => {
    if (words.textContent === text) return;
    words.textContent = text;
    words.dataset.kind = kind;
  };
  if (!(part in edited)) return say("The hypervisor’s own handler is in the machine.", "good");
  if (notice && (notice.handler === part || notice.handler === null)) {
    const line = /\(line (\d+), column (\d+) of/.exec(notice.text);
    if (line)
      setMarkers([
        { line: Number(line[1]), column: Number(line[2]), message: notice.text, severity: "error" },
      ]);
    return say(`${notice.title}. ${notice.text}`, "bad");
  }
  if (status === "loading") return say("Your handler is being put in …", "good");
  say(`Your ${part} handler is in the machine${handled(part, view?.exits ?? [])}.`, "good");
}

function handled(part: string, exits: readonly { name: string; count: number }[]): string {
  const times = exits.find(({ name }) => name === part)?.count ?? 0;
  return times === 0 ? "" : times === 1 ? " and has run once" : ` and has run ${times} times`;
}

function sayIn(quote: HTMLElement, part: string, machine: Machine): HTMLElement {
  const found = quote.querySelector<HTMLElement>(".edit-outcome");
  if (found) return found.firstElementChild as HTMLElement;
  const words = element("p", { class: "workbench-says", role: "status" });
  const undo = element("button", { type: "button", class: "button" }, "Put the original back");
  undo.addEventListener("click", () => machine.edit(part, null));
  const look = element("button", { type: "button", class: "button" }, "To the console");
  look.addEventListener("click", () =>
    document.querySelector(".guest-console")?.scrollIntoView({ block: "center" }),
  );
  quote.append(element("div", { class: "edit-outcome workbench-tools" }, words, undo, look));
  return words;
}
