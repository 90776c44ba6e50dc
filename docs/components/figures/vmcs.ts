/** The VMCS: every field by the manual's groups, in words, with what changed since the last stop marked. */
import type { MachineView, VmcsFieldView } from "../../lib/experiments/view.js";
import { counted, hex } from "./format.js";
import { element, frame, type FrameOptions } from "./frame.js";
import {
  changedFields,
  controlBits,
  decoded,
  explain,
  fieldGroups,
  searchFields,
  type FieldGroup,
} from "./vmcs-fields.js";

export interface VmcsFigure {
  element: HTMLElement;
  update(now: MachineView | null, before: MachineView | null): void;
}

export function vmcsFigure(options: FrameOptions): VmcsFigure {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("vmcs");
  const search = element("input", {
    type: "search",
    class: "field",
    placeholder: "CPUID, interrupt, RIP, EPT …",
    "aria-label": "Search the VMCS",
  });
  const onlyChanged = element("input", { type: "checkbox" });
  const sum = element("span", { class: "vmcs-sum", role: "status" });
  const groups = element("div", { class: "vmcs-groups" });
  made.body.append(
    element(
      "div",
      { class: "vmcs-tools" },
      search,
      element("label", {}, onlyChanged, " only what changed since the last stop"),
      sum,
    ),
    groups,
  );
  made.element.querySelector(".figure-tools")?.remove();
  const opened = new Map<string, boolean>([["Exit information", true]]);
  let fields: readonly VmcsFieldView[] | null = null;
  let changed: ReadonlySet<string> = new Set();
  let native = false;

  const redraw = (): void => {
    if (!fields) {
      sum.textContent = "";
      groups.replaceChildren(
        element(
          "p",
          { class: "empty" },
          native ? "On the bare machine there is no VMCS." : "The VMCS appears when the machine is ready.",
        ),
      );
      return;
    }
    const searching = search.value.trim() !== "" || onlyChanged.checked;
    const found = searchFields(fields, search.value).filter(
      ({ name }) => !onlyChanged.checked || changed.has(name),
    );
    sum.textContent = searching
      ? `${counted(found.length, "field")} of ${fields.length}`
      : `${counted(fields.length, "field")}, ${changed.size} changed`;
    groups.replaceChildren(
      ...fieldGroups(found).map((group) =>
        groupElement(group, changed, searching || (opened.get(group.title) ?? false), (open) => {
          if (!searching) opened.set(group.title, open);
        }),
      ),
    );
    if (found.length === 0) groups.append(element("p", { class: "empty" }, "No field fits."));
  };
  search.addEventListener("input", redraw);
  onlyChanged.addEventListener("change", redraw);
  return {
    element: made.element,
    update(now, before) {
      fields = now?.vmcs ?? null;
      native = now?.cpuMode === "native";
      changed = changedFields(fields, before?.vmcs ?? null);
      redraw();
    },
  };
}

function groupElement(
  group: FieldGroup,
  changed: ReadonlySet<string>,
  open: boolean,
  remember: (open: boolean) => void,
): HTMLElement {
  const differing = group.fields.filter(({ name }) => changed.has(name)).length;
  const details = element(
    "details",
    open ? { open: "" } : {},
    element(
      "summary",
      {},
      element("b", {}, group.title),
      element("span", { class: "vmcs-group-sum" }, `${counted(group.fields.length, "field")}`),
      ...(differing > 0 ? [element("span", { class: "vmcs-group-changed" }, `${differing} changed`)] : []),
      element("span", { class: "vmcs-group-says" }, `${group.summary} SDM Vol. 3, ${group.section}.`),
    ),
  );
  details.addEventListener("toggle", () => {
    remember(details.open);
    if (details.open) fill();
  });
  const fill = (): void => {
    if (details.children.length > 1) return;
    const list = element("ul", { class: "vmcs-fields" });
    list.append(...group.fields.map((field) => fieldElement(field, changed.has(field.name))));
    details.append(list);
  };
  if (open) fill();
  return details;
}

function fieldElement(field: VmcsFieldView, different: boolean): HTMLElement {
  const words = decoded(field);
  const bits = controlBits(field.name, field.value);
  const item = element(
    "li",
    different ? { class: "changed" } : {},
    element("code", { class: "vmcs-name" }, field.name),
    element("code", { class: "vmcs-value" }, hex(field.value, field.width)),
    element("span", { class: "vmcs-says" }, explain(field.name), words ? element("b", {}, ` ${words}`) : ""),
  );
  if (different) item.append(element("span", { class: "visually-hidden" }, "changed"));
  if (bits.length > 0) {
    item.append(
      element(
        "ul",
        { class: "vmcs-bits" },
        ...bits.map(({ bit, name, set }) =>
          element(
            "li",
            { class: set ? "set" : "clear" },
            element("span", { class: "vmcs-bit-number" }, String(bit)),
            ` ${name}`,
            element("span", { class: "visually-hidden" }, set ? ": set" : ": clear"),
          ),
        ),
      ),
    );
  }
  return item;
}
