/** A grade report as a page shows it. */
import type { CheckReport, CheckState, GradeReport } from "../../../lib/grading/report.js";
import { element } from "../../figures/frame.js";

const STATES: Record<CheckState, { mark: string; words: string }> = {
  passed: { mark: "✓", words: "passed" },
  failed: { mark: "✗", words: "failed" },
  blocked: { mark: "⊘", words: "blocked" },
  "could-not-be-graded": { mark: "?", words: "could not be graded" },
};

export function reportView(report: GradeReport): HTMLElement {
  const made = element("section", {
    class: "grade-report",
    "aria-label": "Report",
    "data-state": report.state,
  });
  made.append(
    element(
      "p",
      { class: "grade-score" },
      report.score === null ? "–" : String(report.score),
      element("span", {}, ` of ${report.maxScore} points that can be reached here`),
    ),
    element("p", { class: "grade-summary" }, report.summary),
  );
  if (report.problem?.location) {
    const { line, column } = report.problem.location;
    made.append(element("p", {}, `Look at line ${line}, column ${column} of your part.`));
  }
  const titles = new Map(report.checks.map(({ id, title }) => [id, title]));
  made.append(
    element("ol", { class: "grade-checks" }, ...report.checks.map((check) => checkItem(check, titles))),
  );
  if (report.printed !== "") {
    made.append(
      element(
        "details",
        {},
        element("summary", {}, "What your part printed"),
        element("pre", { tabindex: "0" }, report.printed),
      ),
    );
  }
  return made;
}

function checkItem(check: CheckReport, titles: ReadonlyMap<string, string>): HTMLElement {
  const { mark, words } = STATES[check.state];
  const item = element(
    "li",
    { "data-state": check.state },
    element(
      "p",
      { class: "grade-check" },
      element("span", { class: "grade-mark", "aria-hidden": "true" }, mark),
      element("span", { class: "grade-title" }, check.title),
      element("span", { class: "grade-state" }, words),
      element("span", { class: "grade-points" }, `${check.score ?? "–"} / ${check.points}`),
    ),
  );
  if (check.state === "passed") return item;
  const message =
    check.state === "blocked" && check.blockedBy.length > 0
      ? `It is tried once these pass: ${check.blockedBy.map((id) => `“${titles.get(id) ?? id}”`).join(", ")}.`
      : check.message;
  if (message !== "") item.append(element("p", { class: "grade-message" }, message));
  if (check.expected !== null || check.actual !== null) {
    item.append(
      element(
        "dl",
        { class: "grade-compare" },
        element("dt", {}, "expected"),
        element("dd", {}, check.expected ?? "–"),
        element("dt", {}, "came"),
        element("dd", {}, check.actual ?? "–"),
      ),
    );
  }
  if (check.look) {
    const { scenario, instructions, exits } = check.look;
    item.append(
      element(
        "p",
        { class: "grade-look" },
        `In the run “${scenario}”: after ${instructions} guest instructions, at exit ${exits}.`,
      ),
    );
  }
  if (check.state === "failed" && check.hints.length > 0) item.append(hints(check.hints));
  return item;
}

/** One hint at a time, from a nudge to nearly the answer. */
function hints(all: readonly string[]): HTMLElement {
  const shown = element("ol", { class: "grade-hints" });
  const more = element("button", { type: "button", class: "button" });
  const label = (): void => {
    const next = shown.children.length + 1;
    more.hidden = next > all.length;
    more.textContent = next === 1 ? `A hint (1 of ${all.length})` : `Another hint (${next} of ${all.length})`;
  };
  more.addEventListener("click", () => {
    shown.append(element("li", { tabindex: "-1" }, all[shown.children.length]));
    label();
    (shown.lastElementChild as HTMLElement).focus();
  });
  label();
  return element("div", {}, shown, more);
}
