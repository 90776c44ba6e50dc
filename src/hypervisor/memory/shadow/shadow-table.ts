/** What the entries of a shadow table are made from. */
export type TableSource =
  /**
   * A page table of the guest. A table of 32-bit paging has twice the entries, and a directory of it maps four times the
   * addresses: `part` says which of 2 or 4 shadow tables this one is.
   */
  | { kind: "guest"; frame: number; part: number }
  /**
   * Guest-physical memory in its own order: pieces of a large page, or all of it for a guest without paging. `base` is the
   * first address.
   */
  | { kind: "direct"; base: number; global: boolean }
  /** Top levels that the guest's paging mode lacks: one for each value of its CR3, PDPTEs included (`root`). */
  | { kind: "top"; root: string };

/** One page table for the processor, in a frame of the hypervisor's. */
export class ShadowTable {
  /** Machine-physical addresses of the entries that lead to it. */
  readonly parents = new Set<number>();
  /** Virtual CPUs whose CR3 it is in. */
  pins = 0;
  /** When a walk went through it last, by the count of walks. */
  used = 0;
  /** Writes of the guest to one entry after another, since the table was used last. */
  strays = 0;
  lastWritten = -1;

  /**
   * @param frame - machine-physical
   * @param level - 4 PML4 … 1 page table
   * @param role - {@link roleOf} its guest's paging state: the same bits mean something else in another
   * @param key - of {@link tableKey}
   */
  constructor(
    readonly frame: number,
    readonly level: number,
    readonly source: TableSource,
    readonly role: number,
    readonly key: string,
  ) {}
}

/** Tables are the same when their sources, levels and roles are. */
export function tableKey(source: TableSource, level: number, role: number): string {
  switch (source.kind) {
    case "guest":
      return `${level}:${role}:${source.frame}:${source.part}`;
    case "direct":
      return `${level}d${source.global ? "g" : ""}${source.base}`;
    case "top":
      return `${level}t${role}:${source.root}`;
  }
}
