import type { GradingAssets } from "../../src/grading/assets.js";
import type { Scenario, ScenarioSpec } from "../../src/grading/scenario.js";
import type { Variant } from "../../src/grading/variant.js";
import { GUEST_RAM_BASE } from "../../src/hypervisor/memory/layout.js";
import { PAGE_GLOBAL, PAGE_LARGE, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE } from "../../src/spec/page-bits.js";
import { HYPERVISOR_SLOT } from "../../src/spec/paravirtual.js";
import {
  CAPTURE,
  entry,
  FREE_MEMORY,
  LEVEL_1,
  LEVEL_2,
  LEVEL_3,
  LEVEL_4,
  machine,
  RAM_BYTES,
  ScriptWriter,
  type Request,
  type ScriptLine,
} from "./script.js";

/** A scenario of the hypercall probe, with its script. */
export interface CallScenario extends Scenario {
  lines: readonly ScriptLine[];
}

const PAGE_BYTES = 4096;
const P = BigInt(PAGE_PRESENT);
const W = P | BigInt(PAGE_WRITABLE);
const LINK = W | BigInt(PAGE_USER);
const LARGE = BigInt(PAGE_LARGE);
const NO_EXECUTE = 1n << 63n;
/** Entries of the guest's first table that map nothing it needs: linear 0x1c0000 … 0x1dffff. */
const FIRST_FREE_ENTRY = 0x1c0;
const FREE_ENTRIES = 32;
/** Linear address that entry 32 of the page directory maps, and 2 MiB that a large page can map. */
const WINDOW = 32 * 0x20_0000;
const LARGE_FRAME = 0x40_0000;
/** 2 MiB that are not all of the guest's. */
const LAST_FRAME = 0x60_0000;

/** Different free pages, all of them mapped writable at the start. */
function pages(variant: Variant, count: number): number[] {
  const all = new Set<number>();
  while (all.size < count)
    all.add(FREE_MEMORY + PAGE_BYTES * variant.below((0x40_0000 - FREE_MEMORY) / PAGE_BYTES));
  return [...all];
}

function freeEntry(variant: Variant): number {
  return FIRST_FREE_ENTRY + variant.below(FREE_ENTRIES);
}

function lessons(variant: Variant, script: ScriptWriter): void {
  const [a, b, c, t, u, v, w] = pages(variant, 7);
  maps(variant, script, a, b);
  batches(variant, script, a, b);
  foreign(variant, script, a);
  script.topic("tables");
  script.protect(t);
  script.update([entry(LEVEL_2, 32), machine(t) | LINK]);
  script.update([entry(t, 1), machine(a) | W], [entry(t, 2), machine(b) | P]);
  script.write(WINDOW + PAGE_BYTES + 8, variant.u64());
  script.read(a + 8);
  script.update([entry(t, 3), machine(t) | W]);
  script.update([entry(t, 3), machine(t) | P]);
  script.update([entry(t, 3), machine(LEVEL_1) | W]);
  script.update([entry(LEVEL_3, 1), machine(t) | LINK]);
  script.update([entry(LEVEL_2, 33), machine(c) | LINK]);
  script.protect(u);
  script.update(
    [entry(LEVEL_3, 1), machine(u) | LINK],
    [entry(u, 0), machine(t) | LINK],
    [entry(u, 1), machine(u) | LINK],
  );
  script.update(
    [entry(LEVEL_4, 0x1ff), machine(LEVEL_3) | LINK],
    [entry(LEVEL_4, 1), machine(LEVEL_4) | LINK],
  );
  large(script, c);
  script.topic("let-go");
  script.update(
    [entry(LEVEL_1, FIRST_FREE_ENTRY), machine(v) | W],
    [entry(LEVEL_1, FIRST_FREE_ENTRY + 1), machine(v) | W],
  );
  script.protect(v);
  script.update([entry(LEVEL_1, FIRST_FREE_ENTRY), machine(v) | P], [entry(LEVEL_2, 34), machine(v) | LINK]);
  script.update([entry(LEVEL_1, FIRST_FREE_ENTRY + 1), 0n], [entry(LEVEL_2, 34), machine(v) | LINK]);
  script.update([entry(LEVEL_1, FIRST_FREE_ENTRY), machine(v) | W]);
  script.update([entry(LEVEL_2, 34), 0n], [entry(LEVEL_1, FIRST_FREE_ENTRY), machine(v) | W]);
  script.write(FIRST_FREE_ENTRY * PAGE_BYTES, 0n);
  script.update([entry(LEVEL_1, FIRST_FREE_ENTRY), machine(w) | W], [entry(LEVEL_2, 34), machine(v) | LINK]);
}

function maps(variant: Variant, script: ScriptWriter, a: number, b: number): void {
  const at = freeEntry(variant);
  const linear = at * PAGE_BYTES + 8 * variant.below(256);
  const offset = linear % PAGE_BYTES;
  script.topic("maps");
  script.write(a + offset, variant.u64());
  script.write(b + offset, variant.u64());
  script.update([entry(LEVEL_1, at), machine(a) | W]);
  script.read(linear);
  script.write(linear + 2048, variant.u64());
  script.read(a + offset + 2048);
  script.update([entry(LEVEL_1, at), machine(b) | P | NO_EXECUTE]);
  script.update([entry(LEVEL_1, at), variant.u64() & ~1n]);
  script.update([entry(LEVEL_1, at), 0n]);
}

function batches(variant: Variant, script: ScriptWriter, a: number, b: number): void {
  const at = (i: number): bigint => entry(LEVEL_1, FIRST_FREE_ENTRY + 2 + i);
  script.topic("batch");
  script.update(...Array.from({ length: 20 }, (_, i): Request => [at(i), machine(i % 2 === 0 ? a : b) | W]));
  script.read((FIRST_FREE_ENTRY + 3 + variant.below(18)) * PAGE_BYTES);
  const refused = 3 + variant.below(8);
  script.update(
    ...Array.from({ length: 12 }, (_, i): Request => [at(i), i === refused ? P : machine(b) | P]),
  );
  script.update([at(0), P], [at(1), machine(a) | W]);
  script.updateFrom(FREE_MEMORY, 0);
  script.update(...Array.from({ length: 20 }, (_, i): Request => [at(i), 0n]));
}

/** What is not the guest's, and what is no page-table entry. */
function foreign(variant: Variant, script: ScriptWriter, a: number): void {
  const at = entry(LEVEL_1, FIRST_FREE_ENTRY);
  script.topic("foreign");
  script.update([at, BigInt(GUEST_RAM_BASE - PAGE_BYTES) | W]);
  script.update([at, BigInt(PAGE_BYTES * variant.below(GUEST_RAM_BASE / PAGE_BYTES)) | P]);
  script.update([at, machine(RAM_BYTES) | W]);
  script.update([at, machine(a) | W | (1n << BigInt(32 + variant.below(20)))]);
  script.update([BigInt(PAGE_BYTES * 20), 0n]);
  script.update([machine(RAM_BYTES), 0n]);
  script.update([machine(a) + 8n, machine(a) | W]);
  script.update([at + BigInt(1 + variant.below(7)), machine(a) | W]);
  script.update([entry(LEVEL_4, HYPERVISOR_SLOT), 0n]);
  script.update([at, machine(a) | W | BigInt(PAGE_GLOBAL)]);
}

function large(script: ScriptWriter, c: number): void {
  const first = machine(LARGE_FRAME);
  script.topic("large");
  script.update([entry(LEVEL_2, 40), first | W | LARGE], [entry(LEVEL_2, 41), first | P | LARGE]);
  script.write(40 * 0x20_0000 + 0x1_2340, 0x1234n);
  script.read(LARGE_FRAME + 0x1_2340);
  script.update([entry(LEVEL_2, 42), (first + 0x1000n) | W | LARGE]);
  script.update([entry(LEVEL_2, 42), machine(LAST_FRAME) | P | LARGE]);
  script.update([entry(LEVEL_2, 42), machine(0x20_0000) | W | LARGE]);
  script.update([entry(LEVEL_2, 42), machine(0x20_0000) | P | LARGE]);
  script.update([entry(LEVEL_3, 2), first | P | LARGE]);
  script.update([entry(LEVEL_1, FIRST_FREE_ENTRY + 4), machine(c) | P | LARGE]);
  script.update([entry(LEVEL_2, 40), 0n], [entry(LEVEL_2, 41), 0n], [entry(LEVEL_2, 42), 0n]);
  // The region is mapped large and writable by the guest's own mapping alone now: one use, which goes, and a table in it.
  script.update([entry(LEVEL_2, 2), first | P | LARGE], [entry(LEVEL_2, 43), first | LINK]);
}

/** Lists that change while they are carried out, that are not all there, and that are too long. */
function lists(variant: Variant, script: ScriptWriter): void {
  const [t, a, b] = pages(variant, 3);
  const other = FIRST_FREE_ENTRY + 1 + variant.below(20);
  script.topic("lists");
  const list: Request[] = [
    [entry(t, 3), machine(b) & ~1n],
    [entry(LEVEL_1, FIRST_FREE_ENTRY), machine(a) & ~1n],
    [entry(LEVEL_1, other), 0n],
  ];
  list.flat().forEach((word, i) => script.write(t + 8 * i, word));
  script.protect(t);
  script.update([entry(LEVEL_2, 32), machine(t) | LINK]);
  script.updateFrom(t, 3);
  script.updateFrom(0x40_0000_0000 - 16, 2);
  script.updateFrom(RAM_BYTES - 24, 2);
  script.updateFrom(0x1_0000_0000_0000, 1);
  script.updateFrom(0xffff_8000_0000_0000n, 1);
  script.updateFrom(t, 2049);
  script.updateFrom(t, 1n << 63n);
  script.updateFrom(t + 4, 1);
}

/** Requests at random on its own tables: for what is its own, what is a table, what is foreign. */
function attack(variant: Variant, script: ScriptWriter): void {
  const own = pages(variant, 10);
  const tables = own.slice(0, 4);
  script.topic("attack");
  for (const table of tables) script.protect(table);
  script.update(
    [entry(LEVEL_2, 32), machine(tables[0]) | LINK],
    [entry(LEVEL_3, 1), machine(tables[1]) | LINK],
  );
  const places = [LEVEL_2, LEVEL_3, LEVEL_4, ...tables];
  const place = (): bigint => {
    const table = variant.pick(places);
    const index = variant.below(3) === 0 && table === LEVEL_4 ? HYPERVISOR_SLOT : 32 + variant.below(6);
    return variant.pick([
      entry(table, index),
      entry(table, index),
      entry(LEVEL_1, freeEntry(variant)),
      machine(variant.pick(own)),
    ]);
  };
  const target = (): bigint =>
    variant.pick([
      ...[...own, ...tables, LARGE_FRAME, LAST_FRAME, LEVEL_1, LEVEL_2, LEVEL_3, 0x20_0000].map(machine),
      BigInt(PAGE_BYTES * variant.below(GUEST_RAM_BASE / PAGE_BYTES)),
      machine(RAM_BYTES + PAGE_BYTES * variant.below(1000)),
      BigInt(variant.u32()) << 20n,
    ]);
  const flags = (): bigint =>
    variant.pick([0n, P, W, W, LINK, LINK, W | LARGE, P | LARGE, W | BigInt(PAGE_GLOBAL), W | NO_EXECUTE]);
  /** Something that a kernel in its right mind might ask for. */
  const plausible = (): Request =>
    variant.pick<Request>([
      [entry(LEVEL_1, freeEntry(variant)), machine(variant.pick(own)) | variant.pick([W, P])],
      [entry(LEVEL_1, freeEntry(variant)), 0n],
      [entry(LEVEL_2, 32 + variant.below(6)), machine(variant.pick(tables)) | LINK],
      [entry(LEVEL_2, 32 + variant.below(6)), variant.pick([0n, machine(LARGE_FRAME) | W | LARGE])],
      [entry(variant.pick(tables), variant.below(40)), machine(variant.pick(own)) | W],
    ]);
  for (let i = 0; i < 80; i++)
    script.update(
      ...Array.from({ length: 1 + variant.below(6) }, (): Request =>
        variant.below(4) > 0 ? plausible() : [place(), target() | flags()],
      ),
    );
}

function probing(
  id: string,
  title: string,
  write: (variant: Variant, script: ScriptWriter) => void,
): ScenarioSpec {
  const build = async (variant: Variant, assets: GradingAssets): Promise<CallScenario> => {
    const script = new ScriptWriter();
    write(variant, script);
    return {
      image: script.image(await assets.guest("hypercall-probe")),
      name: `hypercalls-${id}`,
      ramBytes: RAM_BYTES,
      cpuMode: "pv",
      maxInstructions: 100_000,
      given: {},
      capture: CAPTURE,
      lines: script.lines,
    };
  };
  return { id, title, build };
}

/** The notebook's small kernel, built for paravirtualisation. */
async function boot(_variant: Variant, assets: GradingAssets): Promise<Scenario> {
  return {
    image: await assets.guest("hello.pv"),
    name: "hello",
    ramBytes: 16 << 20,
    cpuMode: "pv",
    maxInstructions: 50_000_000,
    given: {},
  };
}

export const SCENARIOS: readonly ScenarioSpec[] = [
  probing("lessons", "the hypercall probe", lessons),
  { id: "boot", title: "the small kernel", build: boot },
  probing("lists", "lists of all kinds", lists),
  probing("attack", "a hostile guest", attack),
];
