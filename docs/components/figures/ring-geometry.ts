/**
 * Geometry of the ring figure: the guest's rings as a half-disc, the hypervisor as the ground below it. Two arrows stay
 * inside the half-disc; four lead out of it, through the gap where the VMCS is. Pure; no DOM.
 */
import type { Ring } from "../../lib/experiments/view.js";

export type DrawnRing = -1 | 0 | 3;
export type Way = "3>0" | "0>3" | "0>-1" | "-1>0" | "3>-1" | "-1>3";
export const WAYS: readonly Way[] = ["3>0", "0>3", "0>-1", "-1>0", "3>-1", "-1>3"];

/** Rings 1 and 2 are drawn with ring 0. */
export function drawnRing(ring: Ring): DrawnRing {
  return ring === 3 ? 3 : ring === -1 ? -1 : 0;
}

export function way(from: Ring, to: Ring): Way {
  return `${drawnRing(from)}>${drawnRing(to)}` as Way;
}

export interface Point {
  x: number;
  y: number;
}

export interface Band {
  ring: DrawnRing;
  /** Closed path. */
  path: string;
  /** Middle of the band's name. */
  label: Point;
}

export interface Arrow {
  way: Way;
  tail: Point;
  head: Point;
  /** From the arrow to its label; null where the label stands beside the arrow. */
  leader: [Point, Point] | null;
  label: Point;
  anchor: "start" | "end";
}

export interface RingGeometry {
  width: number;
  height: number;
  bands: Band[];
  arrows: Arrow[];
  /** The line between guest and hypervisor. */
  door: { from: Point; to: Point };
  /** Where the marker of the ring that has the processor rests. */
  rest: Record<DrawnRing, Point>;
  /** What a point lies in; null between guest and hypervisor. */
  ringAt(point: Point): DrawnRing | null;
}

/** Below this width labels move under the drawing, as a list. */
export const NARROW = 560;

/** Radius of ring 0, as a share of the half-disc's. */
const INNER = 0.6;

/** @param scale - of text: 1 in the book, more on slides */
export function ringGeometry(width: number, scale = 1): RingGeometry {
  const narrow = width < NARROW * scale;
  const margin = narrow ? 6 : Math.min(215 * scale, width * 0.31);
  const outer = Math.max(90, Math.min(190 * Math.sqrt(scale), width / 2 - margin));
  const inner = outer * INNER;
  const gap = (narrow ? 34 : 58) * scale;
  const bar = 44 * scale;
  const c = { x: width / 2, y: 6 + outer };
  const ground = c.y + gap;
  const barLeft = Math.max(1, c.x - Math.max(outer * 1.25, 120));
  const barRight = width - barLeft;
  const at = (radius: number, degrees: number): Point => {
    const radians = (degrees * Math.PI) / 180;
    return { x: c.x + radius * Math.cos(radians), y: c.y - radius * Math.sin(radians) };
  };
  const below = (x: number, depth: number): Point => ({ x: c.x + x * outer, y: ground + depth });
  const above = (x: number, share: number): Point => ({ x: c.x + x * outer, y: c.y - share * outer });
  const leftColumn = margin - 14;
  const rightColumn = width - margin + 14;
  const between = c.y + gap * 0.42;
  const middle3 = (outer + inner) / 2;

  const aside = (name: Way, tail: Point, head: Point, from: Point, y: number): Arrow => {
    const left = from.x < c.x;
    const label = { x: left ? leftColumn : rightColumn, y };
    const leader: [Point, Point] = [from, { x: label.x + (left ? 6 : -6), y: y - 4 * scale }];
    return { way: name, tail, head, leader, label, anchor: left ? "end" : "start" };
  };
  const beside = (name: Way, tail: Point, head: Point, side: -1 | 1): Arrow => ({
    way: name,
    tail,
    head,
    leader: null,
    label: { x: tail.x + side * 10, y: between },
    anchor: side < 0 ? "end" : "start",
  });

  return {
    width,
    height: ground + bar + 2,
    bands: [
      { ring: 3, path: halfRing(c, inner, outer), label: at(middle3, 90) },
      { ring: 0, path: halfRing(c, 0, inner), label: { x: c.x, y: c.y - inner * 0.5 } },
      {
        ring: -1,
        path: `M${barLeft},${ground}H${barRight}V${ground + bar}H${barLeft}Z`,
        label: { x: c.x, y: ground + bar / 2 },
      },
    ],
    arrows: [
      aside("3>0", at(middle3, 154), at(inner * 0.72, 154), at(middle3, 154), c.y - outer * 0.26),
      aside("0>3", at(inner * 0.72, 128), at(middle3, 128), at(middle3, 128), c.y - outer * 0.72),
      beside("0>-1", above(-0.17, 0.1), below(-0.17, 9), -1),
      beside("-1>0", below(0.17, 9), above(0.17, 0.1), 1),
      aside("3>-1", above(0.72, 0.12), below(0.72, 9), above(0.72, 0.12), c.y - outer * 0.36),
      aside(
        "-1>3",
        below(0.88, 9),
        above(0.88, 0.12),
        { x: c.x + outer * 0.88, y: between - 4 * scale },
        between,
      ),
    ],
    door: { from: { x: barLeft, y: ground - 7 }, to: { x: barRight, y: ground - 7 } },
    rest: {
      3: at(middle3, 62),
      0: at(inner * 0.62, 40),
      "-1": { x: c.x - outer * 0.62, y: ground + bar / 2 },
    },
    ringAt({ x, y }) {
      if (y >= ground) return -1;
      const radius = Math.hypot(x - c.x, y - c.y);
      if (y > c.y || radius > outer) return null;
      return radius > inner ? 3 : 0;
    },
  };
}

function halfRing({ x, y }: Point, inner: number, outer: number): string {
  const out = `M${x - outer},${y}A${outer},${outer} 0 0 1 ${x + outer},${y}`;
  if (inner === 0) return `${out}Z`;
  return `${out}L${x + inner},${y}A${inner},${inner} 0 0 0 ${x - inner},${y}Z`;
}
