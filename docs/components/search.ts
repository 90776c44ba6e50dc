/** The search dialog: full text of the pages, and the names of the architecture. The index is fetched when it opens. */
import MiniSearch from "minisearch";

interface Hit {
  id: string;
  title: string;
}

/** Root of the site: two folders above this module, in preview and when built. */
const SITE = new URL("../../", import.meta.url);
const SHOWN = 30;

async function loadIndex(): Promise<MiniSearch> {
  const response = await fetch(import.meta.resolve("observablehq:minisearch.json"));
  if (!response.ok) throw new Error(`The search index did not load: HTTP ${response.status}.`);
  const json = await response.json();
  return MiniSearch.loadJS(json, {
    ...json.options,
    processTerm: (term: string) =>
      term
        .slice(0, 15)
        .normalize("NFD")
        .replace(/[\u0300-\u036f]/g, "")
        .toLowerCase(),
  });
}

function renderHit(hit: Hit, at: number): HTMLLIElement {
  const [name, kind] = hit.title.split(" · ");
  const item = document.createElement("li");
  item.id = `search-hit-${at}`;
  item.role = "option";
  item.ariaSelected = String(at === 0);
  const link = document.createElement("a");
  link.href = new URL(hit.id.replace(/^\//, ""), SITE).href;
  link.tabIndex = -1;
  link.append(name);
  if (kind) {
    const small = document.createElement("small");
    small.textContent = kind;
    link.append(small);
  }
  item.append(link);
  return item;
}

class SearchDialog {
  readonly #dialog = document.createElement("dialog");
  readonly #input = document.createElement("input");
  readonly #list = document.createElement("ul");
  readonly #hint = document.createElement("p");
  #index: MiniSearch | undefined;

  constructor() {
    this.#dialog.className = "search-dialog";
    this.#dialog.ariaLabel = "Search";
    Object.assign(this.#input, {
      type: "search",
      placeholder: "A word, a VMCS field, an exit reason, an MSR",
    });
    this.#input.role = "combobox";
    this.#input.ariaLabel = "Search the notebook";
    this.#input.ariaExpanded = "true";
    this.#input.setAttribute("aria-controls", "search-results");
    this.#list.id = "search-results";
    this.#list.className = "search-results";
    this.#list.role = "listbox";
    this.#list.ariaLabel = "Results";
    this.#hint.className = "search-hint";
    this.#hint.role = "status";
    this.#dialog.append(this.#input, this.#hint, this.#list);
    this.#input.addEventListener("input", () => this.#update());
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog || (event.target as Element).closest("a")) this.#dialog.close();
    });
    document.body.append(this.#dialog);
  }

  async open(): Promise<void> {
    this.#dialog.showModal();
    this.#input.select();
    this.#hint.textContent = "Loading the index …";
    try {
      this.#index ??= await loadIndex();
      this.#update();
    } catch (error) {
      this.#hint.textContent = `${(error as Error).message} Check the connection, then open the search again.`;
    }
  }

  #update(): void {
    const query = this.#input.value.trim();
    const hits =
      query && this.#index
        ? (this.#index.search(query, {
            boost: { title: 4, keywords: 6 },
            combineWith: "AND",
            prefix: true,
            fuzzy: 0.15,
          }) as unknown as Hit[])
        : [];
    this.#list.replaceChildren(...hits.slice(0, SHOWN).map(renderHit));
    this.#input.setAttribute("aria-activedescendant", hits.length ? "search-hit-0" : "");
    this.#hint.textContent = !query
      ? "Arrow keys choose, Enter opens, Esc closes."
      : hits.length === 0
        ? `Nothing matches “${query}”.`
        : `${hits.length} ${hits.length === 1 ? "result" : "results"}`;
  }

  #onKey(event: KeyboardEvent): void {
    const items = [...this.#list.children];
    const at = items.findIndex((item) => item.ariaSelected === "true");
    if (event.key === "Enter") {
      items[at]?.querySelector("a")?.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = (at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length;
      items.forEach((item, i) => (item.ariaSelected = String(i === next)));
      items[next]?.scrollIntoView({ block: "nearest" });
      this.#input.setAttribute("aria-activedescendant", items[next]?.id ?? "");
    } else return;
    event.preventDefault();
  }
}

let dialog: SearchDialog | undefined;

export async function openSearch(): Promise<void> {
  dialog ??= new SearchDialog();
  await dialog.open();
}
