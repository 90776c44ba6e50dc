/** A lab: the student's part in an editor, the grader beside it, a file to hand in. Nothing is sent anywhere. */
import { FileAttachment } from "observablehq:stdlib";
import { element } from "../../figures/frame.js";
import { saveFile } from "../../figures/save-file.js";
import * as storage from "../../storage.js";
import type { OpenEditor } from "../../editor.js";
import { startGrading, type Grading } from "./grading.js";
import { reportView } from "./report-view.js";

/** What src/site/grading.ts writes of each lab. */
interface LabFiles {
  title: string;
  starter: string;
  /** Modules that the part may import from beside itself, by file name. */
  given: Record<string, string>;
}

async function filesOf(labId: string): Promise<LabFiles> {
  const labs = (await FileAttachment("../../generated/labs.json").json()) as Record<string, LabFiles>;
  return labs[labId];
}

export async function lab(labId: string): Promise<HTMLElement> {
  const files = await filesOf(labId);
  const storageKey = `lab/${labId}`;
  const path = `labs/${labId}/part.ts`;
  const kept = await storage.load(storageKey);
  let source = typeof kept === "string" ? kept : files.starter;
  let editor: OpenEditor | null = null;
  let grading: Grading | null = null;

  const code = element("code", { class: "language-ts" }, source);
  const preview = element("pre", { tabindex: "0", "aria-label": "Your part" }, code);
  const editorHost = element("div", { class: "lab-editor" });
  const open = element("button", { type: "button", class: "button" }, "Open the editor");
  const grade = element("button", { type: "button", class: "button primary" }, "Grade");
  const stop = element("button", { type: "button", class: "button" }, "Stop");
  const download = element("button", { type: "button", class: "button" }, "Download submission file");
  const restart = element("button", { type: "button", class: "button" }, "Back to the starter");
  const says = element("p", { class: "lab-says", role: "status" });
  const progress = element("progress", { "aria-label": "Checks done" });
  const report = element("div", { class: "lab-report" });
  stop.hidden = true;
  progress.hidden = true;

  const current = (): string => editor?.getSource() ?? source;

  const idle = (words: string): void => {
    grading = null;
    stop.hidden = true;
    progress.hidden = true;
    grade.disabled = false;
    says.textContent = words;
  };

  const run = async (): Promise<void> => {
    if (grading) return;
    grade.disabled = true;
    stop.hidden = false;
    progress.hidden = false;
    progress.removeAttribute("value");
    says.textContent = "Starting the grader …";
    report.replaceChildren();
    const mine = startGrading(labId, current(), ({ done, of, title }) => {
      progress.max = of;
      progress.value = done;
      says.textContent = `Check ${done + 1} of ${of}: ${title}`;
    });
    grading = mine;
    try {
      const result = await mine.report;
      idle("Graded in this browser; nothing was sent.");
      report.replaceChildren(reportView(result));
      const location = result.problem?.location;
      editor?.setMarkers(
        location
          ? [
              {
                line: location.line,
                column: location.column ?? 1,
                message: result.problem!.message,
                severity: "error",
              },
            ]
          : [],
      );
    } catch (error) {
      idle("");
      report.replaceChildren(couldNot(error instanceof Error ? error.message : String(error)));
    }
  };

  open.addEventListener("click", () => {
    open.disabled = true;
    void openPart();
  });
  const openPart = async (): Promise<void> => {
    const { openEditor } = await import("../../editor.js");
    preview.hidden = true;
    try {
      editor = await openEditor(editorHost, {
        source: files.starter,
        path,
        label: "your part",
        storageKey,
        extraLibs: Object.fromEntries(
          Object.entries(files.given).map(([name, text]) => [`labs/${labId}/${name}`, text]),
        ),
        onRun: () => void run(),
      });
      open.hidden = true;
      restart.hidden = true;
      editor.focus();
    } catch {
      preview.hidden = false;
      open.disabled = false;
    }
  };
  restart.addEventListener("click", () => {
    source = files.starter;
    code.textContent = source;
    restart.hidden = true;
    void storage.remove(storageKey);
    says.textContent = "Your part is the starter again.";
  });
  restart.hidden = source === files.starter;
  grade.addEventListener("click", () => void run());
  stop.addEventListener("click", () => {
    grading?.stop();
    idle("Stopped. No verdict was reached.");
  });
  download.addEventListener("click", () =>
    saveFile(`${labId}.ts`, "text/typescript", submission(labId, current())),
  );

  return element(
    "section",
    { class: "lab wide", "aria-label": `Lab: ${files.title}` },
    preview,
    editorHost,
    element("div", { class: "lab-tools" }, open, grade, stop, download, restart),
    element("div", { class: "lab-progress" }, progress, says),
    report,
  );
}

function couldNot(reason: string): HTMLElement {
  return element(
    "section",
    { class: "grade-report", "data-state": "could-not-be-graded", "aria-label": "Report" },
    element("p", { class: "grade-summary" }, "Your part could not be graded. This is no verdict about it."),
    element("p", {}, `The grader stopped: ${reason}. Reload the page and grade again; your edits are kept.`),
  );
}

/** The file to hand in names its lab in the first line, once. */
export function submission(labId: string, source: string): string {
  return /^\/\/ ring1 lab: /.test(source) ? source : `// ring1 lab: ${labId}\n${source}`;
}
