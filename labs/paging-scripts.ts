import type { GradingAssets } from "../src/grading/assets.js";
import type { Scenario, ScenarioRun, ScenarioSpec } from "../src/grading/scenario.js";
import type { Variant } from "../src/grading/variant.js";
import { CR0_ET, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PCIDE, CR4_PGE } from "../src/spec/control-bits.js";
import {
  PAGE_ACCESSED,
  PAGE_GLOBAL,
  PAGE_LARGE,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../src/spec/page-bits.js";
import { PAGE_FAULT } from "../src/spec/vectors.js";
import { hex } from "./judging.js";
import {
  FETCHED,
  line,
  PROBE_RAM_BYTES,
  readResults,
  resultInWords,
  resultRange,
  withScript,
  type Contents,
  type Line,
  type LineKind,
  type LineResult,
} from "./memory-probe.js";
import { NO_EXECUTE, PAGE_BYTES, Tables, type Leaf } from "./page-tables.js";

/**
 * Scripts of the memory probe about page tables, for labs that walk them: each draft is about one thing.
 * @module
 */
/** A line, and the memory references that it may cost at most. */
export interface WalkLine extends Line {
  references?: number;
}

/** A scenario of the memory probe with page tables of its own. */
export interface PagingScenario extends Scenario {
  script: readonly WalkLine[];
  contents: readonly Contents[];
  /** Entries whose flags are compared in the end: all but those of the guest's own memory. */
  compared: readonly number[];
}

/** What a scenario is written with. */
export interface Draft {
  variant: Variant;
  tables: Tables;
  root: number;
  script: WalkLine[];
}

const P = PAGE_PRESENT;
const W = PAGE_WRITABLE;
const U = PAGE_USER;
const G = PAGE_GLOBAL;
const ACCESSES: readonly LineKind[] = ["read", "write", "fetch", "user read", "user write", "user fetch"];
/** Physical memory of the scripts: pages, and two regions of 2 MiB, the first of them where the pages are. */
const SMALL = 0x40_0000;
const SMALL_PAGES = 64;
const LARGE = [SMALL, 0x60_0000];
const LARGE_BYTES = 0x20_0000;
const WITHOUT_WP = (CR0_PG | CR0_PE | CR0_ET) >>> 0;
const KEEP = 1n << 63n;
const bits = (flags: number): bigint => BigInt(flags);

/** Every page begins with INT 0x30 and with what tells it from all others. */
function data(variant: Variant): Contents[] {
  const first = (): bigint =>
    (BigInt(variant.u32()) << 32n) | (BigInt(variant.below(0x1_0000)) << 16n) | FETCHED;
  const at = [
    ...Array.from({ length: SMALL_PAGES }, (_, i) => SMALL + i * PAGE_BYTES),
    ...[0, 1, 7].map((i) => LARGE[1] + i * PAGE_BYTES),
  ];
  return at.map((address) => ({ address, words: [first()] }));
}

const small = (variant: Variant): number => SMALL + PAGE_BYTES * variant.below(SMALL_PAGES);

/** A linear address on the boundary of a page, in a PML4 entry of its own. */
function linearPage(slot: number, variant: Variant, leaf: Leaf = 1): bigint {
  const index = (): bigint => BigInt(variant.below(512));
  const page = (BigInt(slot) << 27n) | (index() << 18n) | (index() << 9n) | index();
  const whole = (page >> BigInt(9 * (leaf - 1))) << BigInt(9 * (leaf - 1));
  return BigInt.asUintN(64, BigInt.asIntN(48, whole << 12n));
}

/** So many PML4 entries, none of them the guest's own; the upper half is among them. */
function slots(variant: Variant, count: number): number[] {
  const all = new Set<number>([256 + variant.below(256)]);
  while (all.size < count) all.add(1 + variant.below(511));
  return [...all];
}

export function walk({ variant, tables, root, script }: Draft): void {
  for (const slot of slots(variant, 6)) {
    const page = linearPage(slot, variant);
    tables.map(root, page, small(variant), bits(P | W));
    const word = page + 8n * BigInt(1 + variant.below(511));
    script.push(
      line("read", page),
      line("write", word, variant.u64()),
      line("read", word),
      line("fetch", page),
    );
  }
}

export function large({ variant, tables, root, script }: Draft): void {
  const [two, other, gigabyte] = slots(variant, 3);
  const [a, b] = [linearPage(two, variant, 2), linearPage(other, variant, 2)];
  const c = linearPage(gigabyte, variant, 3);
  tables.map(root, a, LARGE[0], bits(P | W), 2);
  tables.map(root, b, LARGE[1], bits(P | W), 2);
  tables.map(root, c, 0, bits(P | W), 3);
  for (const page of [a, b]) {
    const word = page + 8n * BigInt(1 + variant.below(LARGE_BYTES / 8 - 1));
    script.push(line("read", page), line("read", page + 0x7000n), line("read", page + 0x1f_f000n));
    script.push(line("write", word, variant.u64()), line("read", word));
  }
  for (let i = 0; i < 4; i++) script.push(line("read", c + BigInt(small(variant))));
  script.push(line("fetch", c + BigInt(LARGE[1])));
}

/** All rights at the last level and above it, all accesses; pages that are not there, level by level. */
export function faults({ variant, tables, root, script }: Draft): void {
  const rights = [0, W, U, W | U].flatMap((flags) => [bits(P | flags), bits(P | flags) | NO_EXECUTE]);
  const above = [W, U, 0].map(
    (taken) =>
      (entry: bigint): bigint =>
        taken === 0 ? entry | NO_EXECUTE : entry & ~bits(taken),
  );
  const own = slots(variant, rights.length + above.length + 4);
  const tried: bigint[] = [];
  for (const flags of rights) {
    const page = linearPage(own.pop()!, variant);
    tables.map(root, page, small(variant), flags);
    tried.push(page);
  }
  for (const change of above) {
    const page = linearPage(own.pop()!, variant);
    tables.map(root, page, small(variant), bits(P | W | U));
    tables.set(root, page, 2 + variant.below(3), change);
    tried.push(page);
  }
  for (const level of [1, 2, 3, 4]) {
    const page = linearPage(own.pop()!, variant);
    tables.map(root, page, small(variant), bits(P | W | U));
    tables.set(root, page, level, (entry) => entry & ~bits(P));
    tried.push(page);
  }
  const writes = (page: bigint, kind: LineKind): Line =>
    line(kind, kind.endsWith("write") ? page + 8n : page, variant.u64());
  for (const page of tried) script.push(...ACCESSES.map((kind) => writes(page, kind)));
  script.push(line("load cr0", WITHOUT_WP));
  for (const page of tried) script.push(writes(page, "write"), writes(page, "user write"));
  script.push(line("load cr0", (WITHOUT_WP | CR0_WP) >>> 0));
  for (const page of tried) script.push(writes(page, "write"));
}

/** A reserved bit in each place where one can be; without P it is none. */
export function reserved({ variant, tables, root, script }: Draft): void {
  const high = (): bigint => 1n << BigInt(39 + variant.below(13));
  const cases: [leaf: Leaf, level: number, change: (entry: bigint) => bigint][] = [
    ...[1, 2, 3, 4].map((level): [Leaf, number, (entry: bigint) => bigint] => [
      1,
      level,
      (entry) => entry | high(),
    ]),
    [1, 4, (entry) => entry | bits(PAGE_LARGE)],
    [2, 2, (entry) => entry | (1n << BigInt(13 + variant.below(8)))],
    [3, 3, (entry) => entry | (1n << BigInt(13 + variant.below(17)))],
    [1, 1, (entry) => (entry | high()) & ~bits(P)],
    [2, 2, (entry) => entry | (1n << 12n)],
    [1, 1, (entry) => entry | (0x7ffn << 52n) | bits(PAGE_LARGE)],
  ];
  const own = slots(variant, cases.length);
  for (const [leaf, level, change] of cases) {
    const page = linearPage(own.pop()!, variant, leaf);
    const physical = leaf === 1 ? small(variant) : leaf === 2 ? LARGE[0] : 0;
    tables.map(root, page, physical, bits(P | W | U), leaf);
    tables.set(root, page, level, change);
    script.push(line("read", page), line("user write", page + 8n, variant.u64()), line("fetch", page));
  }
}

/** Entries that are used, entries that are not, flags that are cleared and set anew. */
export function flags({ variant, tables, root, script }: Draft): void {
  const own = slots(variant, 8);
  const pages = own.map((slot, i) => {
    const leaf: Leaf = i === 0 ? 2 : 1;
    const page = linearPage(slot, variant, leaf);
    tables.map(
      root,
      page,
      leaf === 2 ? LARGE[0] : small(variant),
      bits(P | W | U) | (i === 1 ? NO_EXECUTE : 0n),
      leaf,
    );
    return page;
  });
  pages.forEach((page, i) => {
    if (i === 1) return script.push(line("fetch", page));
    if (i === 2) return script.push(line("read", page), line("user write", page + 8n, variant.u64()));
    if (i > 5) return;
    return script.push(line(i % 2 === 0 ? "write" : "read", page + 8n, variant.u64()));
  });
  const again = pages[3];
  const { address, value } = tables.entry(root, again, 1);
  script.push(line("write", address, value), line("invlpg", again), line("user read", again));
}

export function hits({ variant, tables, root, script }: Draft): void {
  const [one, two, three] = slots(variant, 3);
  const a = linearPage(one, variant);
  const b = linearPage(two, variant);
  const c = linearPage(three, variant, 2);
  tables.map(root, a, small(variant), bits(P | W | U));
  tables.map(root, b, small(variant), bits(P | W | U));
  tables.map(root, c, LARGE[0], bits(P | W | U), 2);
  for (const page of [a, b, c]) script.push(line("write", page + 8n, variant.u64()), line("fetch", page));
  for (const page of [c, a, b]) {
    script.push(
      free(line("read", page)),
      free(line("write", page + 16n, variant.u64())),
      free(line("fetch", page)),
    );
    script.push(free(line("user read", page)), free(line("user write", page + 24n, variant.u64())));
  }
  // What is not there is cached nowhere.
  const missing = a ^ 0x1000n;
  script.push(line("read", missing));
  const { address } = tables.entry(root, missing, 1);
  script.push(line("write", address, BigInt(small(variant)) | bits(P | W)), line("read", missing));
  // A translation that is too weak is no reason to fault: rights may have been added.
  script.push(free(line("read", a)), line("invlpg", b), free(line("read", a)), line("read", b));
}

/** It must not cost a reference. */
function free(step: Line): WalkLine {
  return { ...step, references: 0 };
}

/** Entries change, and the guest says so. */
export function invalidation({ variant, tables, root, script }: Draft): void {
  const [one, two, three] = slots(variant, 3);
  const a = linearPage(one, variant);
  const b = linearPage(two, variant);
  const c = linearPage(three, variant, 2);
  tables.map(root, a, SMALL, bits(P | W | U));
  tables.map(root, b, SMALL + PAGE_BYTES, bits(P | W | U));
  tables.map(root, c, LARGE[0], bits(P | W | U), 2);
  const set = (page: bigint, level: number, value: bigint): Line =>
    line("write", tables.entry(root, page, level).address, value);
  const other = SMALL + PAGE_BYTES * (2 + variant.below(SMALL_PAGES - 2));
  script.push(line("read", a), line("write", a + 8n, variant.u64()));
  script.push(set(a, 1, BigInt(other) | bits(P | W | U)), line("invlpg", a + 8n), line("read", a));
  script.push(
    set(a, 1, BigInt(other) | bits(P)),
    line("invlpg", a),
    line("write", a + 8n, 1n),
    line("user read", a),
  );
  script.push(set(a, 1, 0n), line("invlpg", a), line("read", a));
  script.push(
    line("read", c),
    line("read", c + 0x7000n),
    set(c, 2, BigInt(LARGE[1]) | bits(P | W | U | PAGE_LARGE)),
  );
  script.push(line("invlpg", c + 0x1000n), line("read", c), line("read", c + 0x7000n));
  script.push(
    line("read", b),
    set(b, 1, BigInt(other) | bits(P | W | U)),
    line("load cr3", root),
    line("read", b),
  );
  script.push(set(b, 4, 0n), line("load cr3", root), line("read", b));
}

/** Two address spaces, with PCIDs and without; global pages. */
export function spaces({ variant, tables, root, script }: Draft): void {
  const second = tables.root();
  const [one, two] = slots(variant, 2);
  const [a, g] = [linearPage(one, variant), linearPage(two, variant)];
  for (const [i, space] of [root, second].entries()) {
    tables.map(space, a, SMALL + i * PAGE_BYTES, bits(P | W));
    tables.map(space, g, SMALL + 2 * PAGE_BYTES, bits(P | W | G));
  }
  const change = (space: number, page: bigint, at: number, more = 0): Line =>
    line("write", tables.entry(space, page, 1).address, BigInt(SMALL + at * PAGE_BYTES) | bits(P | W | more));
  script.push(line("load cr4", CR4_PAE | CR4_PGE));
  script.push(
    line("read", a),
    line("read", g),
    line("load cr3", second),
    line("read", a),
    free(line("read", g)),
  );
  script.push(change(root, g, 3, G), change(second, g, 3, G), line("invlpg", g), line("read", g));
  script.push(line("load cr3", root), line("read", a), free(line("read", g)));
  const [first, other] = [1 + variant.below(2000), 2001 + variant.below(2000)].map(BigInt);
  const enter = (space: number, pcid: bigint, keep = 0n): Line =>
    line("load cr3", BigInt(space) | pcid | keep);
  script.push(line("load cr4", CR4_PAE | CR4_PGE | CR4_PCIDE));
  script.push(enter(root, first), line("read", a), line("read", g));
  script.push(enter(second, other), line("read", a), free(line("read", g)));
  script.push(
    enter(root, first, KEEP),
    free(line("read", a)),
    enter(second, other, KEEP),
    free(line("read", a)),
  );
  script.push(
    change(second, a, 4),
    enter(second, other),
    line("read", a),
    enter(root, first, KEEP),
    free(line("read", a)),
  );
  script.push(
    change(root, a, 5),
    line("invlpg", a),
    line("read", a),
    enter(second, other, KEEP),
    free(line("read", a)),
  );
  script.push(change(root, a, 6), enter(root, first), line("read", a));
}

/** Tables at random, six ways to reach every page of them, and changes between. */
export function random({ variant, tables, root, script }: Draft): void {
  const pages: { page: bigint; leaf: Leaf }[] = [];
  for (const slot of slots(variant, 22)) {
    const leaf: Leaf = variant.pick([1, 1, 1, 2, 3]);
    const page = linearPage(slot, variant, leaf);
    const rights = bits(P | variant.pick([0, W, U, W | U, W | U])) | variant.pick([0n, 0n, NO_EXECUTE]);
    tables.map(root, page, leaf === 1 ? small(variant) : leaf === 2 ? variant.pick(LARGE) : 0, rights, leaf);
    if (variant.below(3) === 0)
      tables.set(
        root,
        page,
        leaf + variant.below(5 - leaf),
        (entry) => entry ^ variant.pick([bits(P), bits(W), bits(U), NO_EXECUTE, 1n << 45n]),
      );
    pages.push({ page, leaf });
  }
  for (let i = 0; i < 200; i++) {
    const { page, leaf } = variant.pick(pages);
    // A page of 1 GiB holds the guest itself: it is read and written where the scripts' memory is.
    const at = leaf === 3 ? page + BigInt(small(variant)) : page;
    const kind = variant.pick(ACCESSES);
    script.push(line(kind, kind.endsWith("write") ? at + 8n : at, variant.u64()));
    if (leaf !== 1 || variant.below(8) !== 0) continue;
    const rights = bits(variant.pick([0, P, P | W, P | U, P | W | U])) | variant.pick([0n, NO_EXECUTE]);
    script.push(line("write", tables.entry(root, page, 1).address, BigInt(small(variant)) | rights));
    script.push(variant.below(3) === 0 ? line("load cr3", root) : line("invlpg", page));
  }
}

/** Tables that lead out of memory, into themselves and nowhere. */
export function hostile({ variant, tables, root, script }: Draft): void {
  const own = slots(variant, 9);
  for (const level of [4, 3, 2, 1]) {
    const page = linearPage(own.pop()!, variant);
    tables.map(root, page, small(variant), bits(P | W | U));
    const outside = BigInt(PROBE_RAM_BYTES + PAGE_BYTES * variant.below(1 << 20));
    tables.set(root, page, level, () => outside | bits(P | W | U));
    script.push(line("read", page), line("user read", page));
  }
  const self = own.pop()!;
  const page = linearPage(own.pop()!, variant);
  tables.map(root, page, small(variant), bits(P | W));
  const loop = [0, 1, 2, 3].reduce((linear) => (linear << 9n) | BigInt(self), 0n) << 12n;
  const recursive = BigInt.asUintN(64, BigInt.asIntN(48, loop));
  tables.map(root, recursive, 0, 0n);
  tables.set(root, recursive, 4, () => BigInt(root) | bits(P | W | PAGE_ACCESSED));
  script.push(
    line("read", page),
    line("read", recursive + ((page >> 39n) & 511n) * 8n),
    line("read", recursive + BigInt(8 * self)),
  );
  const low = linearPage(own.pop()!, variant);
  tables.map(root, low, 0, bits(P | W));
  script.push(
    line("read", low + 0xff8n),
    line("user read", low),
    line("read", linearPage(own.pop()!, variant)),
  );
}

/** How the probe is run. */
type Setting = Pick<Scenario, "cpuMode" | "memoryMode">;

/** A scenario of the memory probe whose script the drafts write, one after another. */
export function pagingScenario(
  setting: Setting,
  id: string,
  title: string,
  ...drafts: ((draft: Draft) => void)[]
): ScenarioSpec {
  const build = async (variant: Variant, assets: GradingAssets): Promise<PagingScenario> => {
    const tables = new Tables();
    const root = tables.root();
    const own = tables.contents().length;
    const script: WalkLine[] = [line("load cr3", root)];
    for (const write of drafts) write({ variant, tables, root, script });
    const contents = [...tables.contents(), ...data(variant)];
    const results = resultRange(script);
    const first = tables.contents()[0].address;
    return {
      ...setting,
      image: withScript(await assets.guest("memory-probe"), script, contents),
      name: `paging-${id}`,
      ramBytes: PROBE_RAM_BYTES,
      maxInstructions: 100_000,
      given: {},
      capture: { address: first, bytes: results.address + results.bytes - first },
      script,
      contents,
      compared: entriesOf(tables, own),
    };
  };
  return { id, title, build };
}

/** All entries but those that lead to the guest's own memory. */
function entriesOf(tables: Tables, own: number): number[] {
  return tables
    .contents()
    .flatMap(({ address }, i) =>
      i > 0 && i < own
        ? []
        : Array.from({ length: 512 }, (_, entry) => address + 8 * entry).slice(i === 0 ? 1 : 0),
    );
}

/** What came of each line of such a script. */
export function pagingResults(
  { memory }: Pick<ScenarioRun, "memory">,
  { script, capture }: PagingScenario,
): LineResult[] {
  const results = memory.subarray(resultRange(script).address - capture!.address);
  return readResults({ memory: results }, script);
}

/** What came of a line, CR2 of a page fault included. */
export function pagingResultInWords(step: Line, result: LineResult): string {
  const words = resultInWords(step, result);
  return result.vector === PAGE_FAULT ? `${words}, CR2 = ${hex(result.cr2)}` : words;
}

/** The first entry that two runs of such a script have left different, by its guest-physical address. */
export function wrongEntry(
  { compared, capture }: PagingScenario,
  expected: Pick<ScenarioRun, "memory">,
  actual: Pick<ScenarioRun, "memory">,
): { at: number; expected: string; actual: string } | null {
  const [want, got] = [expected, actual].map(({ memory }) => new DataView(memory.buffer, memory.byteOffset));
  const entry = (view: DataView, at: number): bigint => view.getBigUint64(at - capture!.address, true);
  const at = compared.find((address) => entry(want, address) !== entry(got, address));
  return at === undefined ? null : { at, expected: hex(entry(want, at)), actual: hex(entry(got, at)) };
}
