/**
 * Ring compression: the kernel in ring 1, the monitor in ring 0, and each instruction where it ended: below, where it
 * trapped and the monitor can act, or above, where the kernel went on with what it found.
 */
import { select, type Selection } from "d3";
import { compressionLayout, type CompressionLayout, type Tile } from "./compression-geometry.js";
import { compressionRows, INSTRUCTIONS } from "./compression-rows.js";
import { counted } from "./format.js";
import { element, figureScale, frame, onWidth, still, type FrameOptions } from "./frame.js";

type Group = Selection<SVGGElement, unknown, null, undefined>;

const FALL = 400;

export interface CompressionFigure {
  element: HTMLElement;
  /** What the guest has printed so far. */
  update(console: string): void;
}

export function compressionFigure(options: FrameOptions): CompressionFigure {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("compression");
  const host = element("div", { class: "compression-drawing" });
  made.body.append(host);
  const svg = select(host).append("svg").attr("role", "img");
  const bands = svg.append("g");
  const tiles = svg.append("g");
  let console = "";
  let width = 0;

  const draw = (): void => {
    if (width === 0) return;
    const scale = figureScale(host);
    const rows = compressionRows(console);
    const layout = compressionLayout(rows, width, scale);
    const trapped = rows.filter(({ fate }) => fate === "trapped").length;
    svg
      .attr("viewBox", `0 0 ${width} ${layout.height}`)
      .attr("width", width)
      .attr("height", layout.height)
      .attr(
        "aria-label",
        `A kernel in ring 1 above a monitor in ring 0. Of ${rows.length} instructions so far, ${trapped} trapped to the monitor and ${rows.length - trapped} did not.`,
      );
    drawBands(bands, layout, width, scale, rows.length);
    drawTiles(tiles, layout, scale);
    made.setTable(() => ({
      title: "Instructions in ring 1",
      columns: [{ name: "Instruction" }, { name: "What happens" }, { name: "Believed" }, { name: "Found" }],
      rows: rows.map(({ instruction, fate, believed, found }) => [
        instruction,
        fate === "trapped" ? "traps to the monitor" : fate === "silent" ? "no trap, wrong" : "no trap, right",
        believed ?? "–",
        found ?? "–",
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
      if (next === console) return;
      console = next;
      draw();
    },
  };
}

function drawBands(
  group: Group,
  { kernel, monitor }: CompressionLayout,
  width: number,
  scale: number,
  done: number,
): void {
  const of = [
    {
      ...kernel,
      ring: "ring-0" as const,
      name: "ring 1",
      who: "guest kernel, pushed out of ring 0",
      what: "went on: nobody was told",
    },
    { ...monitor, ring: "ring-hv" as const, name: "ring 0", who: "monitor", what: "trapped: it can act" },
  ];
  group.selectAll("*").remove();
  for (const band of of) {
    group
      .append("rect")
      .attr("x", 0.75)
      .attr("y", band.y + 0.75)
      .attr("width", width - 1.5)
      .attr("height", band.height - 1.5)
      .attr("fill", `var(--${band.ring}-soft)`)
      .attr("stroke", `var(--${band.ring})`)
      .attr("stroke-width", 1.5);
    const words = group
      .append("text")
      .attr("class", "compression-band")
      .attr("x", 12)
      .attr("y", band.y + 22 * scale)
      .attr("fill", `var(--${band.ring}-text)`);
    words.append("tspan").attr("class", "strong").text(band.name);
    words.append("tspan").text(width < 520 ? ` ${band.who.split(",")[0]}` : ` ${band.who}`);
    group
      .append("text")
      .attr("class", "compression-band")
      .attr("x", width - 12)
      .attr("y", band.y + 22 * scale)
      .attr("text-anchor", "end")
      .attr("fill", `var(--${band.ring}-text)`)
      .text(width < 520 ? band.what.split(":")[0]! : band.what);
  }
  group
    .append("text")
    .attr("class", "compression-progress")
    .attr("x", width / 2)
    .attr("y", monitor.y - 16 * scale)
    .attr("text-anchor", "middle")
    .text(done === 0 ? "nothing executed yet" : `${counted(done, "instruction")} of ${INSTRUCTIONS}`);
}

function drawTiles(group: Group, { tiles, tile }: CompressionLayout, scale: number): void {
  const at = ({ x, y }: Tile): string => `translate(${x},${y})`;
  const joined = group.selectAll<SVGGElement, Tile>("g.tile").data(tiles, ({ instruction }) => instruction);
  joined.exit().remove();
  const entered = joined
    .enter()
    .append("g")
    .attr("class", "tile")
    .attr("transform", (row) => `translate(${row.x},${row.y - (still() ? 0 : tile.height)})`)
    .attr("opacity", still() ? 1 : 0);
  entered.append("rect").attr("rx", 2);
  entered.append("text").attr("class", "tile-name");
  entered.append("text").attr("class", "tile-says");
  const all = entered.merge(joined).attr("data-fate", ({ fate }) => fate);
  all.select("rect").attr("width", tile.width).attr("height", tile.height);
  all
    .select(".tile-name")
    .attr("x", 9)
    .attr("y", 18 * scale)
    .text(({ instruction }) => instruction);
  all
    .select(".tile-says")
    .attr("x", 9)
    .attr("y", 36 * scale)
    .text(({ fate, believed, found }) =>
      fate === "trapped" ? "#GP" : `${found} ${fate === "silent" ? "≠" : "="} ${believed}`,
    );
  if (still()) all.attr("transform", at).attr("opacity", 1);
  else all.transition().duration(FALL).attr("transform", at).attr("opacity", 1);
}
