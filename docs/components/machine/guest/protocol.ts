/** Between a page and the worker that assembles for it. Plain data. */
import type { AssemblySource } from "../../../lib/guests/assemble.js";
import type { GuestListing } from "../../../lib/guests/listing.js";

export interface AssembleRequest {
  sources: AssemblySource[];
  /** Addresses of Keystone's files. */
  script: string;
  wasm: string;
}

/** A guest that a reader has changed. */
export interface Program {
  image: Uint8Array;
  listing: GuestListing;
}

/** Where a program is in error; without a place if Keystone gave none. */
export interface Mistake {
  reason: string;
  place: { file: string; line: number } | null;
}

export type AssembleAnswer =
  /** Keystone is there; what follows takes its own time alone. */
  { type: "loaded" } | { type: "assembled"; program: Program } | { type: "failed"; mistake: Mistake };
