/** A list that a text and a state choose from. */
import { element } from "../figures/frame.js";

interface FilterOptions {
  /** What is looked for, in the label: "Mnemonic or opcode". */
  label: string;
  /** The states to choose from, by key. */
  states: Readonly<Record<string, string>>;
  /** Shows what fits, and says how much that is. */
  show: (text: string, state: string) => string;
}

export interface Filter {
  element: HTMLElement;
  /** Looks for a text in every state. */
  set(text: string): void;
}

export function filter({ label, states, show }: FilterOptions): Filter {
  const input = element("input", {
    type: "search",
    class: "field",
    autocomplete: "off",
    spellcheck: "false",
  });
  const select = element("select", { class: "field" }, element("option", { value: "" }, "all"));
  for (const [key, words] of Object.entries(states)) select.append(element("option", { value: key }, words));
  const found = element("output", { class: "filter-found" });
  const update = (): void => {
    found.textContent = show(input.value.trim().toLowerCase(), select.value);
  };
  input.addEventListener("input", update);
  select.addEventListener("change", update);
  update();
  return {
    element: element(
      "div",
      { class: "filter", role: "search", "aria-label": label },
      element("label", {}, `${label} `, input),
      element("label", {}, "State ", select),
      found,
    ),
    set(text) {
      input.value = text;
      select.value = "";
      update();
    },
  };
}

/** A table in a box that scrolls by itself. */
export function scrollTable(
  title: string,
  columns: readonly string[],
  rows: readonly HTMLElement[],
): HTMLElement {
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  return element(
    "div",
    { class: "processor-table", role: "region", "aria-label": title, tabindex: "0" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
  );
}

export function tableRow(name: string, ...cells: (string | Node)[]): HTMLTableRowElement {
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    ...cells.map((cell) => element("td", {}, cell)),
  );
}
