/** A place to drop a file on, or to choose one with the system's own dialogue. */
import { element } from "../figures/frame.js";
import { bytesInWords } from "../figures/boot-map.js";

export interface ChosenFile {
  name: string;
  bytes: Uint8Array;
}

export interface FileDropOptions {
  title: string;
  /** What stands there while nothing is chosen. */
  empty: string;
  onChosen: (file: ChosenFile) => void;
}

export function fileDrop({ title, empty, onChosen }: FileDropOptions): HTMLElement {
  const says = element("span", { role: "status" }, empty);
  const input = element("input", { type: "file" });
  const label = element("label", {}, input, element("span", { class: "button" }, "Choose a file"));
  input.setAttribute("aria-label", `${title}: choose a file`);
  const made = element("div", { class: "linux-drop" }, element("b", {}, title), says, label);
  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      says.textContent = `${file.name}, ${bytesInWords(bytes.length)}`;
      onChosen({ name: file.name, bytes });
    } catch {
      says.textContent = `${file.name} could not be read. Choose a file, not a folder.`;
    }
  };
  input.addEventListener("change", () => {
    void take(input.files?.[0]);
    // The same file may be chosen again after it has changed.
    input.value = "";
  });
  const over = (event: DragEvent): void => {
    event.preventDefault();
    made.dataset.over = "true";
  };
  made.addEventListener("dragenter", over);
  made.addEventListener("dragover", over);
  made.addEventListener("dragleave", () => delete made.dataset.over);
  made.addEventListener("drop", (event) => {
    event.preventDefault();
    delete made.dataset.over;
    void take(event.dataTransfer?.files[0]);
  });
  return made;
}
