/** The guest's program beside the machine that runs it, with a way to change it. */
import { element } from "../../figures/frame.js";
import type { GuestListing } from "../../../lib/guests/listing.js";
import type { Machine } from "../client.js";
import { sourceOf } from "../instruments.js";

export interface GuestProgram {
  /** The program, with the line that runs next, and the button that opens the editor. */
  pane: HTMLElement;
  /** Where the editor opens. */
  workbench: HTMLElement;
}

/** @param listing - of the guest that ships with the notebook */
export function guestProgram(machine: Machine, listing: GuestListing): GuestProgram {
  const button = element("button", { type: "button", class: "button" }, "Edit and run");
  const workbench = element("div", { class: "guest-workbench", "data-part": "guest" });
  const source = sourceOf(machine, listing, element("div", { class: "workbench-tools" }, button));
  const open = async (): Promise<void> => {
    const { openGuestEditor } = await import("./guest-editor.js");
    await openGuestEditor(workbench, {
      machine,
      listing,
      file: source.shown,
      onClose: () => {
        button.hidden = false;
        button.focus();
      },
    });
  };
  button.addEventListener("click", () => {
    button.hidden = true;
    workbench.replaceChildren();
    open().catch((error) => {
      button.hidden = false;
      throw error;
    });
  });
  return { pane: source.element, workbench };
}
