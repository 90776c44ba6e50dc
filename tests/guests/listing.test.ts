import { describe, expect, it } from "vitest";
import { CATALOGUE, GUEST_ORIGIN } from "../../src/guests/catalogue.js";
import { guestListing, lineAt } from "../../src/guests/listing.js";
import { assemble, assembledGuests, sourcesOf } from "./support.js";

const hello = assembledGuests[0];
const sources = sourcesOf(hello);
const listing = guestListing(assemble(sources, { origin: GUEST_ORIGIN }), sources);

const textAt = (address: number): string => {
  const found = lineAt(listing, address);
  return found === undefined
    ? ""
    : `${found.source.name}: ${found.source.text.split("\n")[found.line - 1].trim()}`;
};

describe("the listing of hello", () => {
  it.each([
    ["start", "lib/long-mode.s: cli"],
    ["long_mode", "lib/long-mode.s: mov eax, KERNEL_DATA"],
    ["main", "hello/main.s: call console_init"],
    ["system_call_entry", "hello/system-calls.s: swapgs"],
    ["user_main", "hello/user.s: lea rdi, [rip + user_greeting]"],
    ["ticks", "hello/timer.s: ticks: .quad 0"],
  ])("finds the line of %s", (symbol, line) => {
    expect(textAt(listing.symbols[symbol])).toBe(line);
  });

  it("finds a line from the middle of its bytes", () => {
    expect(textAt(listing.symbols.ticks + 5)).toBe("hello/timer.s: ticks: .quad 0");
  });

  it("finds nothing outside the image", () => {
    expect(textAt(GUEST_ORIGIN - 1)).toBe("");
    expect(textAt(listing.symbols.user_end)).toBe("");
  });

  it("survives JSON", () => {
    expect(JSON.parse(JSON.stringify(listing))).toEqual(listing);
  });
});

describe("the catalogue", () => {
  it("has distinct names and images, and sources that exist", () => {
    expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
    expect(new Set(CATALOGUE.map(({ image }) => image)).size).toBe(CATALOGUE.length);
    for (const entry of CATALOGUE) expect(sourcesOf(entry).length).toBeGreaterThan(0);
  });

  it("has the guests that chapters and figures count on", () => {
    const wanted = ["hello", "rings", "prime", "sieve", "memory-walk", "fib"];
    wanted.push("tlb-misses", "cold-code", "changing-code", "exits", "interrupts");
    wanted.push("triple-fault", "endless", "probe", "memory-probe", "hypercall-probe", "c-hello");
    expect(CATALOGUE.map(({ name }) => name)).toEqual(wanted);
  });
});
