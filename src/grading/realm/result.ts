import type { Primitive } from "./crossing.js";

/** What a function of a part may return. */
export interface Expected<R> {
  /** In words that follow "expected", e.g. `"resume" or "halt"`. */
  readonly words: string;
  /**
   * The value as the hypervisor wants it; undefined for one that it refuses.
   * @param returned - undefined for what is no primitive
   */
  take(returned: Primitive): R | undefined;
}
