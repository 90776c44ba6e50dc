/**
 * The guest's sources in an editor, one at a time. Run assembles all of them and boots what comes of it; edits are kept
 * as those of handlers are.
 */
import { editKey, openEditor, type OpenEditor } from "../../editor.js";
import { element } from "../../figures/frame.js";
import * as storage from "../../storage.js";
import type { GuestListing } from "../../../lib/guests/listing.js";
import type { Machine } from "../client.js";
import { assembleSources, LICENCE } from "./assembler.js";
import type { Mistake } from "./protocol.js";

export interface GuestEditorOptions {
  machine: Machine;
  /** Of the guest that ships with the notebook. */
  listing: GuestListing;
  /** Source to show first. */
  file: string;
  onClose: () => void;
}

const pathOf = (file: string): string => `src/guests/${file}`;

export async function openGuestEditor(host: HTMLElement, options: GuestEditorOptions): Promise<void> {
  const { machine, listing } = options;
  const edits = await keptEdits(listing);
  const shippedText = (file: string): string => listing.sources.find(({ name }) => name === file)?.text ?? "";

  const files = new Map(
    listing.sources.map(({ name }) => [name, element("option", { value: name }, name)] as const),
  );
  const choice = element("select", { class: "button" }, ...files.values());
  const place = element("div");
  const says = element("p", { class: "workbench-says", role: "status" });
  const back = element("button", { type: "button", class: "button" }, "Put the original back");
  host.replaceChildren(
    element("label", { class: "guest-file" }, "Source of the guest", choice),
    place,
    element("div", { class: "workbench-tools" }, says, back),
    element(
      "p",
      { class: "guest-licence" },
      "Assembled in this page by Keystone, about 3 MB the first time; ",
      element("a", { href: LICENCE }, "its licence"),
      " is the GPL, version 2.",
    ),
  );

  let editor: OpenEditor | null = null;
  let shown = options.file;
  /** Counts the files shown and the runs: what an earlier one still brings is not heeded. */
  let turn = 0;
  const say = (words: string, kind: "good" | "bad" = "good"): void => {
    says.textContent = words;
    says.dataset.kind = kind;
  };
  const markFiles = (): void => {
    for (const [file, option] of files) option.textContent = edits.has(file) ? `${file} (changed)` : file;
  };

  const show = async (file: string): Promise<void> => {
    const mine = ++turn;
    editor?.dispose();
    editor = null;
    shown = file;
    choice.value = file;
    const source = shippedText(file);
    const opened = await openEditor(place, {
      source,
      path: pathOf(file),
      label: file,
      language: "assembly",
      onRun: () => void run(),
      onChange: (text) => {
        if (text === source) edits.delete(file);
        else edits.set(file, text);
        markFiles();
      },
      onReset: () => machine.boot(null),
      onClose: close,
    });
    if (mine !== turn) return opened.dispose();
    editor = opened;
    const text = edits.get(file) ?? source;
    if (opened.getSource() !== text) opened.setSource(text);
  };

  const run = async (): Promise<void> => {
    const mine = ++turn;
    editor?.setMarkers([]);
    say("Assembling …");
    const result = await assembleSources(
      listing.sources.map(({ name, text }) => ({ name, text: edits.get(name) ?? text })),
    );
    if (mine !== turn) return;
    if ("reason" in result) return report(result);
    machine.boot(result);
    machine.runWhenReady();
  };

  const report = async ({ reason, place: at }: Mistake): Promise<void> => {
    if (!at) return say(`Not run: ${reason}.`, "bad");
    if (at.file !== shown) await show(at.file);
    const line = editor?.getSource().split("\n")[at.line - 1] ?? "";
    editor?.setMarkers([
      { line: at.line, column: line.search(/\S/) + 1, message: reason, severity: "error" },
    ]);
    editor?.reveal(at.line);
    say(`Not run: ${at.file}, line ${at.line}: ${reason}.`, "bad");
  };

  let seen = machine.state.program;
  const tell = (): void =>
    say(seen ? "Your guest is in the machine." : "The notebook’s own guest is in the machine.");
  const stop = machine.subscribe(({ program }) => {
    if (program === seen) return;
    seen = program;
    tell();
  });
  const close = (): void => {
    turn++;
    stop();
    editor?.dispose();
    host.replaceChildren();
    options.onClose();
  };

  choice.addEventListener("change", () => void show(choice.value));
  back.addEventListener("click", () => machine.boot(null));
  markFiles();
  tell();
  await show(shown);
  (editor as OpenEditor | null)?.focus();
}

/** What this browser has kept of the reader's changes, by name of the source. */
async function keptEdits({ sources }: GuestListing): Promise<Map<string, string>> {
  const edits = new Map<string, string>();
  for (const { name, text } of sources) {
    const kept = await storage.load(editKey(pathOf(name)));
    if (typeof kept === "string" && kept !== text) edits.set(name, kept);
  }
  return edits;
}
