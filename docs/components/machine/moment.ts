/**
 * The address of a moment: `#at=812.17` is the first state after 812 guest instructions and 17 VM exits. A third number
 * is the position, which tells the states with the same counts apart.
 */
import type { Moment } from "../../lib/experiments/view.js";

const PATTERN = /^(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15}))?$/;

/** The moment in a URL's hash, or null where it names none. */
export function momentOf(hash: string): Moment | null {
  const match = PATTERN.exec(new URLSearchParams(hash.replace(/^#/, "")).get("at") ?? "");
  if (!match) return null;
  const moment = { instructions: Number(match[1]), exits: Number(match[2]) };
  return match[3] === undefined ? moment : { ...moment, position: Number(match[3]) };
}

/** 812.17, or 812.17.901 */
export function momentText({ instructions, exits, position }: Moment): string {
  return [instructions, exits, ...(position === undefined ? [] : [position])].join(".");
}

/** `hash` with the moment put in; null takes it out. Other parts of the hash stay. */
export function withMoment(hash: string, moment: Moment | null): string {
  const bare = hash.replace(/^#/, "");
  // A plain anchor (#the-vmcs) gives way: a hash has room for one or the other.
  const parts = new URLSearchParams(bare.includes("=") ? bare : "");
  if (moment) parts.set("at", momentText(moment));
  else parts.delete("at");
  const text = parts.toString();
  return text === "" ? "" : `#${text}`;
}

export function sameMoment(a: Moment | null, b: Moment | null): boolean {
  if (a?.position !== undefined && b?.position !== undefined) return a.position === b.position;
  return a?.instructions === b?.instructions && a?.exits === b?.exits;
}
