/** A prediction that the reader commits to before the experiment, and that stays to be compared with what came. */
import { element } from "../figures/frame.js";
import { load, remove, save } from "../storage.js";

export interface PredictionOptions {
  /** Key in the reader's store, e.g. chapter-7/exits. */
  id: string;
  question: string;
  /** Things that either happen or do not. */
  items: readonly { id: string; text: string }[];
  /** Heads of the three columns. */
  heads: { predicted: string; measured: string };
}

/** What the experiment says about an item; null while it has not said it. */
export type Verdict = { happened: boolean; evidence: string } | null;

export interface Prediction {
  element: HTMLElement;
  setVerdicts(verdicts: Readonly<Record<string, Verdict>>): void;
}

export function prediction({ id, question, items, heads }: PredictionOptions): Prediction {
  let committed: readonly string[] | null = null;
  let verdicts: Readonly<Record<string, Verdict>> = {};
  const boxes = new Map(
    items.map((item) => [item.id, element("input", { type: "checkbox", id: `${id}-${item.id}` })]),
  );
  const outcome = new Map(items.map((item) => [item.id, element("td", { class: "prediction-measured" })]));
  const rows = items.map((item) =>
    element(
      "tr",
      {},
      element("td", { class: "prediction-box" }, boxes.get(item.id)!),
      element("th", { scope: "row" }, element("label", { for: `${id}-${item.id}` }, item.text)),
      outcome.get(item.id)!,
    ),
  );
  const table = element(
    "table",
    {},
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, heads.predicted),
        element("th", { scope: "col" }, element("span", { class: "visually-hidden" }, "What happens")),
        element("th", { scope: "col" }, heads.measured),
      ),
    ),
    element("tbody", {}, ...rows),
  );
  const commit = element("button", { type: "button", class: "button primary" }, "Commit to this");
  const again = element("button", { type: "button", class: "button" }, "Take it back");
  const says = element("p", { class: "prediction-says", role: "status" });
  const made = element(
    "section",
    { class: "prediction", "aria-label": "Your prediction" },
    element("p", { class: "prediction-question" }, question),
    table,
    element("div", { class: "prediction-tools" }, commit, again, says),
  );

  const show = (): void => {
    const done = committed !== null;
    made.dataset.committed = String(done);
    commit.hidden = done;
    again.hidden = !done;
    let right = 0;
    let judged = 0;
    for (const { id: item } of items) {
      const box = boxes.get(item)!;
      box.disabled = done;
      if (done) box.checked = committed!.includes(item);
      const verdict = verdicts[item] ?? null;
      const cell = outcome.get(item)!;
      cell.replaceChildren();
      cell.removeAttribute("data-agrees");
      if (!done || !verdict) {
        cell.append(done ? "run the machine" : "");
        continue;
      }
      const agrees = box.checked === verdict.happened;
      judged++;
      if (agrees) right++;
      cell.dataset.agrees = String(agrees);
      cell.append(element("span", { "aria-hidden": "true" }, agrees ? "✓ " : "✗ "), verdict.evidence);
      cell.append(
        element(
          "span",
          { class: "visually-hidden" },
          agrees ? " (as you predicted)" : " (not as you predicted)",
        ),
      );
    }
    says.textContent = !done
      ? "Kept in this browser only."
      : judged === items.length
        ? `${right} of ${items.length} as you predicted.`
        : "Committed. Now run the machine below.";
  };
  commit.addEventListener("click", () => {
    committed = items.map((item) => item.id).filter((item) => boxes.get(item)!.checked);
    void save(id, committed);
    show();
    again.focus();
  });
  again.addEventListener("click", () => {
    committed = null;
    void remove(id);
    show();
    commit.focus();
  });
  show();
  void load(id).then((value) => {
    if (Array.isArray(value)) {
      committed = value.map(String);
      show();
    }
  });
  return {
    element: made,
    setVerdicts(next) {
      const text = JSON.stringify(next);
      if (text === JSON.stringify(verdicts)) return;
      verdicts = next;
      show();
    },
  };
}
