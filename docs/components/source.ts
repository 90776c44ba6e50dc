/**
 * Brings quoted source to life. "Edit and run" opens the whole file in an editor below the quotation; Run compiles it
 * and hands the result to the page's machine as a bubbling event:
 *
 *     addEventListener("ring1:run-part", ({ detail }) => machine.replacePart(detail.part, detail.js));
 *     addEventListener("ring1:reset-part", ({ detail }) => machine.restorePart(detail.part));
 */
import type { Diagnostic, OpenEditor } from "./editor.js";

export interface PartDetail {
  /** As the page says in `{{quote name part=CPUID}}`. */
  part: string;
  region: string;
  path: string;
  /** TypeScript as the reader wrote it, and the module that it compiles to. */
  source: string;
  js: string;
  /** Marks lines in the reader's editor, e.g. where the part threw. */
  setMarkers(markers: readonly Diagnostic[]): void;
}

declare global {
  interface WindowEventMap {
    "ring1:run-part": CustomEvent<PartDetail>;
    "ring1:reset-part": CustomEvent<Pick<PartDetail, "part" | "region" | "path">>;
  }
}

async function open(quote: HTMLElement, button: HTMLButtonElement): Promise<void> {
  const { part = "", region = "", path = "", firstLine } = quote.dataset;
  const [{ openEditor }, { hypervisorSources }] = await Promise.all([
    import("./editor.js"),
    import("./editing/monaco.js"),
  ]);
  const source = (await hypervisorSources())[path];
  if (source === undefined) throw new Error(`${path} is not among the sources that the editor knows`);
  const announce = (name: string, detail: object): void => {
    quote.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  };
  const run = async (): Promise<void> => {
    const { js, diagnostics } = await editor.emitJavaScript();
    const error = diagnostics.find(({ severity }) => severity === "error");
    if (error) {
      editor.say(`Not run: line ${error.line}: ${error.message}`);
      return;
    }
    const { setMarkers, getSource } = editor;
    setMarkers([]);
    editor.say("Running with this source.");
    announce("ring1:run-part", { part, region, path, source: getSource(), js, setMarkers });
  };
  const editor: OpenEditor = await openEditor(quote, {
    source,
    path,
    revealLine: Number(firstLine),
    onRun: () => void run(),
    onReset: () => announce("ring1:reset-part", { part, region, path }),
    onClose: () => {
      editor.dispose();
      button.hidden = false;
      button.focus();
    },
  });
  editor.focus();
}

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>(".edit-source");
  const quote = button?.closest<HTMLElement>(".quote");
  if (!button || !quote) return;
  button.hidden = true;
  quote.querySelector(".editor.failed")?.remove();
  open(quote, button).catch((error) => {
    button.hidden = false;
    throw error;
  });
});
