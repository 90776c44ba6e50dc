/**
 * From a page of the guest to the entries of the processor's tables that map it, by their machine-physical addresses. Nearly
 * every page has at most one.
 */
export class ReverseMap {
  readonly #entries = new Map<number, number | Set<number>>();

  /** @param page - any number that names a page */
  add(page: number, entry: number): void {
    const known = this.#entries.get(page);
    if (known === undefined) this.#entries.set(page, entry);
    else if (typeof known !== "number") known.add(entry);
    else if (known !== entry) this.#entries.set(page, new Set([known, entry]));
  }

  remove(page: number, entry: number): void {
    const known = this.#entries.get(page);
    if (known === entry) this.#entries.delete(page);
    else if (known instanceof Set && known.delete(entry) && known.size === 0) this.#entries.delete(page);
  }

  /** A copy: what is done with the entries may change the map. */
  of(page: number): number[] {
    const known = this.#entries.get(page);
    if (known === undefined) return [];
    return typeof known === "number" ? [known] : [...known];
  }
}
