/** What lies in guest-physical memory when a Linux kernel starts, and which registers know of it. A still figure. */
import { select } from "d3";
import type { BootMap, BootRegion } from "../../lib/guests/linux/boot-map.js";
import { bootBlocks, zeroPageLinks, type Block } from "./boot-map-geometry.js";
import { figureScale, frame, onWidth, type FrameOptions } from "./frame.js";

const KIND_TOKEN: Record<BootRegion["kind"], string> = {
  kernel: "ring-0",
  room: "ring-0",
  initramfs: "ring-3",
  "handed-over": "ring-hv",
  reserved: "hardware",
};

const MIB = 2 ** 20;

export function bytesInWords(bytes: number): string {
  if (bytes >= MIB) return `${(bytes / MIB).toFixed(bytes % MIB === 0 ? 0 : 1)} MiB`;
  return bytes >= 1024 ? `${(bytes / 1024).toFixed(bytes % 1024 === 0 ? 0 : 1)} KiB` : `${bytes} bytes`;
}

const hex = (address: number): string => `0x${address.toString(16)}`;

export function bootMapFigure(map: BootMap, options: FrameOptions): HTMLElement {
  const made = frame(options);
  made.element.classList.add("boot-map");
  onWidth(made.body, (width) => draw(made.body, map, width, figureScale(made.body)));
  const { blocks } = bootBlocks(map);
  made.setTable(() => ({
    title: "Guest-physical memory at the kernel’s first instruction",
    columns: [{ name: "What" }, { name: "From" }, { name: "To" }, { name: "Size" }, { name: "Registers" }],
    rows: blocks.map(({ name, start, end, registers }) => [
      name,
      hex(start),
      hex(end),
      bytesInWords(end - start),
      registers.join(", "),
    ]),
  }));
  return made.element;
}

/** Mean width of a character of the names, pixels. */
const CHARACTER = 6.6;

function fitting(long: string, short: string, width: number): string {
  return long.length * CHARACTER + 14 <= width ? long : short;
}

function draw(host: HTMLElement, map: BootMap, width: number, scale: number): void {
  const { blocks, height } = bootBlocks(map, scale);
  const left = 76 * scale;
  const right = 92 * scale;
  const column = Math.max(120 * scale, Math.min(width - left - right, 420 * scale));
  host.replaceChildren();
  const svg = select(host)
    .append("svg")
    .attr("viewBox", `0 0 ${width} ${height + 4}`)
    .attr("width", width)
    .attr("height", height + 4)
    .attr("role", "img")
    .attr("aria-label", `Guest-physical memory of ${bytesInWords(map.ramBytes)} when the kernel starts`);
  const cells = svg
    .selectAll("g.cell")
    .data(blocks)
    .join("g")
    .attr("class", ({ region }) => `cell cell-${region?.kind ?? "free"}`)
    .attr("transform", ({ y }) => `translate(${left},${y + 2})`);
  cells
    .append("rect")
    .attr("width", column)
    .attr("height", ({ height: h }) => h)
    .attr("class", ({ region }) => (region ? `boot-block token-${KIND_TOKEN[region.kind]}` : "boot-free"))
    .classed("boot-room", ({ region }) => region?.kind === "room");
  cells
    .append("text")
    .attr("class", "boot-name")
    .attr("x", 10 * scale)
    .attr("y", ({ height: h }) => h / 2)
    .attr("dy", "0.35em")
    .text(({ name, start, end }) => fitting(`${name}, ${bytesInWords(end - start)}`, name, column / scale));
  cells
    .append("text")
    .attr("class", "boot-address")
    .attr("x", -8 * scale)
    .attr("y", 0)
    .attr("dy", "0.9em")
    .attr("text-anchor", "end")
    .text(({ start }) => hex(start));
  cells
    .filter(({ registers }) => registers.length > 0)
    .append("text")
    .attr("class", "boot-register")
    .attr("x", column + 8 * scale)
    .attr("y", ({ height: h }) => h / 2)
    .attr("dy", "0.35em")
    .text(({ registers }) => `← ${registers.join(", ")}`);
  const middle = ({ y, height: h }: Block): number => y + 2 + h / 2;
  svg
    .selectAll("path.boot-link")
    .data(zeroPageLinks(blocks))
    .join("path")
    .attr("class", "boot-link")
    .attr("d", ({ from, to }) => {
      // Beside the names of registers, never over them.
      const edge = left + column + 6 * scale;
      const [x, bend] = [edge + 52 * scale, edge + 84 * scale];
      const [a, b] = [middle(from), middle(to)];
      const tip = `M${edge + 6 * scale},${b - 3 * scale}L${edge},${b}L${edge + 6 * scale},${b + 3 * scale}`;
      return `M${x},${a}C${bend},${a} ${bend},${b} ${x},${b}L${edge},${b}${tip}`;
    });
}
