/** The life of a VM in VMX operation: two modes, four rings in each, and the VMCS at the door between them. Still. */
import { select, type Selection } from "d3";
import { element, figureScale, frame, onWidth, type FrameOptions } from "./frame.js";
import { addTextures, texture, uniquePrefix } from "./patterns.js";

type Svg = Selection<SVGSVGElement, unknown, null, undefined>;
type Group = Selection<SVGGElement, unknown, null, undefined>;

export function vmxCycle(options: FrameOptions): HTMLElement {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("vmx-cycle");
  const host = element("div", { class: "vmx-cycle-drawing" });
  made.body.append(host);
  made.setTable(() => ({
    title: "The two modes of VMX operation and what leads from one to the other",
    columns: [{ name: "What" }, { name: "Where" }, { name: "What the processor does" }],
    rows: [
      ["VMXON", "outside VMX → root", "enters VMX operation; software there becomes the hypervisor"],
      [
        "VMLAUNCH, VMRESUME (VM entry)",
        "root → non-root",
        "checks the VMCS, loads the guest state from it, injects an event if one is asked for",
      ],
      [
        "VM exit",
        "non-root → root",
        "saves the guest state into the VMCS, writes the exit information, loads the host state",
      ],
      ["VMREAD, VMWRITE", "in root", "read and write fields of the current VMCS"],
      [
        "SYSCALL, faults, interrupts",
        "in non-root, ring 3 → ring 0",
        "through the guest's own tables, without an exit",
      ],
      ["VMXOFF", "root → outside VMX", "leaves VMX operation"],
    ],
  }));
  onWidth(host, (width) => draw(host, width));
  return made.element;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function draw(host: HTMLElement, width: number): void {
  const scale = figureScale(host);
  const narrow = width < 640;
  const prefix = uniquePrefix();
  const modeWidth = narrow ? width - 2 : Math.min(340 * scale, width * 0.34);
  const modeHeight = narrow ? 132 : 236 * scale;
  const between = narrow ? 200 : width - 2 * modeWidth - 2;
  const guest: Box = { x: 1, y: 1, width: modeWidth, height: modeHeight };
  const host_: Box = narrow
    ? { x: 1, y: 1 + modeHeight + between, width: modeWidth, height: modeHeight }
    : { x: 1 + modeWidth + between, y: 1, width: modeWidth, height: modeHeight };
  const height = narrow ? 2 * modeHeight + between + 2 : modeHeight + 2;
  host.replaceChildren();
  const svg: Svg = select(host)
    .append("svg")
    .attr("viewBox", `0 0 ${width} ${height}`)
    .attr("width", width)
    .attr("height", height)
    .attr("role", "img")
    .attr(
      "aria-label",
      "VMX non-root operation holds user code at ring 3 and the guest kernel at ring 0. VMX root operation holds the hypervisor at ring 0 of its own. VM exits lead from the first to the second, VM entries back, and both pass through the VMCS.",
    );
  addTextures(svg, prefix);
  svg
    .select("defs")
    .append("marker")
    .attr("id", `${prefix}-tip`)
    .attr("viewBox", "0 0 10 10")
    .attr("refX", 9)
    .attr("refY", 5)
    .attr("markerUnits", "userSpaceOnUse")
    .attr("markerWidth", 11)
    .attr("markerHeight", 11)
    .attr("orient", "auto")
    .append("path")
    .attr("d", "M0,0L10,5L0,10z")
    .attr("class", "tip");

  mode(svg, guest, "VMX non-root operation", [
    { layer: "ring-3", name: "ring 3", who: "user code" },
    { layer: "ring-0", name: "ring 0", who: "guest kernel" },
  ]);
  mode(svg, host_, "VMX root operation", [
    { layer: "unused", name: "ring 3", who: "tools of the hypervisor, if any" },
    { layer: "ring-hv", name: "ring 0", who: "hypervisor: “ring −1”" },
  ]);
  innerArrows(svg, guest, prefix, scale);

  const gap: Box = narrow
    ? { x: 1, y: 1 + modeHeight, width: modeWidth, height: between }
    : { x: 1 + modeWidth, y: 1, width: between, height: modeHeight };
  vmcs(svg, gap, prefix, narrow, scale);

  function mode(
    into: Svg,
    box: Box,
    title: string,
    rings: { layer: string; name: string; who: string }[],
  ): void {
    const group = into.append("g").attr("class", "vmx-mode");
    group
      .append("rect")
      .attr("class", "vmx-mode-frame")
      .attr("rx", 3)
      .attr("x", box.x)
      .attr("y", box.y)
      .attr("width", box.width - 1)
      .attr("height", box.height - 1);
    group
      .append("text")
      .attr("class", "vmx-mode-title")
      .attr("x", box.x + 12)
      .attr("y", box.y + 22)
      .text(title);
    const top = box.y + 34 * scale;
    const pitch = (box.height - 34 * scale - 12) / rings.length;
    rings.forEach(({ layer, name, who }, index) => {
      const ring = group
        .append("g")
        .attr("class", `vmx-ring ${layer}`)
        .attr("transform", `translate(${box.x + 12},${top + index * pitch})`);
      const h = pitch - (narrow ? 6 : 22 * scale);
      ring
        .append("rect")
        .attr("class", "vmx-ring-fill")
        .attr("width", box.width - 25)
        .attr("height", h);
      ring.append("rect").attr("width", 10).attr("height", h).attr("class", "vmx-ring-edge");
      ring
        .append("rect")
        .attr("width", 10)
        .attr("height", h)
        .attr(
          "fill",
          texture(
            prefix,
            ({ "ring-3": "plain", "ring-0": "rising", "ring-hv": "dots", hardware: "grid" } as const)[
              layer as "ring-3"
            ],
          ),
        );
      const text = ring
        .append("text")
        .attr("x", 20)
        .attr("y", h / 2 + 4.5);
      text.append("tspan").attr("class", "vmx-ring-name").text(name);
      text.append("tspan").attr("dx", "0.6em").text(who);
    });
  }
}

function arrow(group: Group, prefix: string, from: [number, number], to: [number, number]): void {
  group
    .append("line")
    .attr("class", "vmx-arrow")
    .attr("x1", from[0])
    .attr("y1", from[1])
    .attr("x2", to[0])
    .attr("y2", to[1])
    .attr("marker-end", `url(#${prefix}-tip)`);
}

/** Between the guest's rings: the crossings that the hypervisor never sees. */
function innerArrows(svg: Svg, box: Box, prefix: string, scale: number): void {
  if (box.height < 200) return;
  const group = svg.append("g");
  const middle = box.y + 34 * scale + (box.height - 34 * scale - 12) / 2;
  const x = box.x + (box.width * 0.36) / scale;
  arrow(group, prefix, [x, middle - 24 * scale], [x, middle + 2]);
  arrow(group, prefix, [x + 16, middle], [x + 16, middle - 24 * scale]);
  group
    .append("text")
    .attr("class", "vmx-note")
    .attr("x", x + 28)
    .attr("y", middle - 7 * scale)
    .text("SYSCALL, faults: no exit");
}

/** The door: the VMCS, with what each passage does to its parts. */
function vmcs(svg: Svg, gap: Box, prefix: string, narrow: boolean, scale: number): void {
  const group = svg.append("g");
  const width = Math.min(204 * scale, narrow ? gap.width * 0.56 : gap.width * 0.6);
  const height = 96 * scale;
  const x = gap.x + (gap.width - width) / 2;
  const y = gap.y + (gap.height - height) / 2;
  const parts = ["guest state", "host state", "controls", "exit information"];
  group
    .append("rect")
    .attr("class", "vmcs-paper")
    .attr("x", x)
    .attr("y", y)
    .attr("width", width)
    .attr("height", height);
  group
    .append("text")
    .attr("class", "vmcs-title")
    .attr("x", x + width / 2)
    .attr("y", y - 8)
    .attr("text-anchor", "middle")
    .text("VMCS, one for each virtual CPU");
  parts.forEach((part, index) => {
    const line = y + (index * height) / parts.length;
    if (index > 0)
      group
        .append("line")
        .attr("class", "vmcs-rule")
        .attr("x1", x)
        .attr("x2", x + width)
        .attr("y1", line)
        .attr("y2", line);
    group
      .append("text")
      .attr("class", "vmcs-part")
      .attr("x", x + width / 2)
      .attr("y", line + 16.5 * scale)
      .attr("text-anchor", "middle")
      .text(part);
  });
  if (narrow) {
    const left = gap.x + 26;
    const right = gap.x + gap.width - 26;
    arrow(group, prefix, [left, gap.y + 4], [left, gap.y + gap.height - 4]);
    arrow(group, prefix, [right, gap.y + gap.height - 4], [right, gap.y + 4]);
    group
      .append("text")
      .attr("class", "vmx-door")
      .attr("x", left + 8)
      .attr("y", gap.y + 22)
      .text("VM exit");
    group
      .append("text")
      .attr("class", "vmx-door")
      .attr("x", right - 8)
      .attr("y", gap.y + gap.height - 14)
      .attr("text-anchor", "end")
      .text("VM entry");
    return;
  }
  const above = gap.y + 24 * scale;
  const below = gap.y + gap.height - 26 * scale;
  arrow(group, prefix, [gap.x + 6, above + 8], [gap.x + gap.width - 6, above + 8]);
  arrow(group, prefix, [gap.x + gap.width - 6, below], [gap.x + 6, below]);
  const middle = gap.x + gap.width / 2;
  const text = (line: number, name: string, what: string): void => {
    const made = group.append("text").attr("x", middle).attr("y", line).attr("text-anchor", "middle");
    made.append("tspan").attr("class", "vmx-door").text(name);
    made.append("tspan").attr("class", "vmx-note").attr("dx", "0.6em").text(what);
  };
  text(above - 2, "VM exit", "saves guest, loads host");
  text(below + 19 * scale, "VM entry", "checks all, loads guest");
}
