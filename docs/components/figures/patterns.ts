/**
 * Patterns that say in black and white what colour says otherwise, as style/layers.css sets them: user code plain, the
 * guest kernel lines that rise, the hypervisor dots. Exits are told apart by family. All lie over a fill.
 */
import type { Selection } from "d3";
import type { ExitFamily } from "./format.js";
import type { Lane } from "./timeline-geometry.js";

type Texture = "plain" | "dots" | "rising" | "falling" | "grid" | "upright";

export const LANE_TEXTURE: Record<Lane, Texture> = { user: "plain", kernel: "rising", hypervisor: "dots" };
export const FAMILY_TEXTURE: Record<ExitFamily, Texture> = {
  instruction: "dots",
  io: "falling",
  register: "rising",
  memory: "grid",
  event: "upright",
};

const SHAPES: Record<Exclude<Texture, "plain">, string> = {
  dots: '<circle cx="2" cy="2" r="0.9"/><circle cx="5" cy="5" r="0.9"/>',
  rising: '<path d="M-1,1l2,-2M0,6l6,-6M5,7l2,-2"/>',
  falling: '<path d="M-1,5l2,2M0,0l6,6M5,-1l2,2"/>',
  grid: '<path d="M0,3h6M3,0v6"/>',
  upright: '<path d="M1.5,0v6M4.5,0v6"/>',
};

let figures = 0;

/** A prefix for ids, unique in the page. */
export function uniquePrefix(): string {
  return `figure${++figures}`;
}

/** Puts the textures into an SVG's `<defs>`; they take the colour of --paper, so that they lighten what they lie on. */
export function addTextures(svg: Selection<SVGSVGElement, unknown, null, undefined>, prefix: string): void {
  const defs = svg.append("defs");
  for (const [name, shape] of Object.entries(SHAPES)) {
    defs
      .append("pattern")
      .attr("id", `${prefix}-${name}`)
      .attr("class", "texture")
      .attr("patternUnits", "userSpaceOnUse")
      .attr("width", 6)
      .attr("height", 6)
      .html(shape);
  }
}

/** Value for `fill`: the texture, or none for "plain". */
export function texture(prefix: string, name: Texture): string {
  return name === "plain" ? "none" : `url(#${prefix}-${name})`;
}
