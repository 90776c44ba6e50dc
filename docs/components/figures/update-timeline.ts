/** Hypercalls against traps: the same work in several ways, each a bar of time with its stays in the hypervisor. */
import { select } from "d3";
import { count, counted, cycles } from "./format.js";
import { element, figureScale, frame, onWidth, type FrameOptions } from "./frame.js";
import { updateLayout, type UpdateBar, type UpdateRow } from "./update-timeline-geometry.js";

export interface UpdateTimeline {
  element: HTMLElement;
  update(rows: readonly UpdateRow[]): void;
}

export function updateTimeline(options: FrameOptions): UpdateTimeline {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("updates");
  const host = element("div", { class: "updates-drawing" });
  made.body.append(host);
  const svg = select(host).append("svg").attr("role", "img");
  let rows: readonly UpdateRow[] = [];
  let width = 0;
  const draw = (): void => {
    if (width === 0) return;
    const scale = figureScale(host);
    const layout = updateLayout(rows, width, scale);
    svg
      .attr("viewBox", `0 0 ${width} ${layout.height}`)
      .attr("width", width)
      .attr("height", layout.height)
      .attr("aria-label", rows.map((row) => `${row.name}: ${inWords(row)}.`).join(" "));
    const groups = svg
      .selectAll<SVGGElement, UpdateBar>("g.way-of-update")
      .data(layout.bars)
      .join((enter) => {
        const group = enter.append("g").attr("class", "way-of-update");
        const words = group.append("text");
        words.append("tspan").attr("class", "strong");
        words.append("tspan").attr("class", "says");
        group.append("rect").attr("class", "kernel");
        group.append("g").attr("class", "stays");
        return group;
      });
    groups
      .select("text")
      .attr("x", 0)
      .attr("y", ({ y }) => y - 6 * scale);
    groups.select(".strong").text(({ name }) => name);
    groups.select(".says").text((row) => ` ${inWords(row)}`);
    groups
      .select("rect.kernel")
      .attr("y", ({ y }) => y)
      .attr("width", (bar) => bar.width)
      .attr("height", layout.barHeight);
    groups
      .select("g.stays")
      .selectAll("rect")
      .data(({ stays, y }) => stays.map((stay) => ({ ...stay, y })))
      .join("rect")
      .attr("x", ({ x }) => x)
      .attr("y", ({ y }) => y)
      .attr("width", (stay) => stay.width)
      .attr("height", layout.barHeight);
    made.setTable(() => ({
      title: "Mapping and reading 64 pages",
      columns: [{ name: "Way" }, { name: "Crossings", number: true }, { name: "Cycles", number: true }],
      rows: rows.map(({ name, run }) => [
        name,
        run === null ? "–" : count(run.stays.length),
        run === null ? "–" : count(run.total),
      ]),
    }));
  };
  onWidth(host, (next) => {
    width = next;
    draw();
  });
  return {
    element: made.element,
    update(next) {
      rows = next;
      draw();
    },
  };
}

function inWords({ run }: UpdateRow): string {
  if (run === null) return "not yet";
  return `${counted(run.stays.length, "crossing")}, ${cycles(run.total)}`;
}
