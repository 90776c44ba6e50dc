/** How a built-in guest's image is made. */
export type Recipe =
  | {
      toolchain: "assembler";
      /** Files assembled one after another as one source, paths relative to `src/guests`. */
      sources: readonly string[];
    }
  | { toolchain: "gcc"; sources: readonly string[]; linkerScript: string };

/** A guest that ships with the notebook. */
export interface CatalogueEntry {
  /** The word after `ring1 run`. */
  name: string;
  title: string;
  description: string;
  recipe: Recipe;
  /** File in the build folder. */
  image: string;
  /** File in the build folder: a {@link GuestListing}; absent for C guests, whose ELF has a symbol table. */
  listing?: string;
  /** RAM that the guest is happy with, MiB. */
  ramMebibytes: number;
  /** The same guest built for paravirtualisation, where there is one. */
  paravirtual?: Pick<CatalogueEntry, "recipe" | "image" | "listing">;
}

/** Linear and guest-physical address where assembled guests begin. */
export const GUEST_ORIGIN = 0x10_0000;

/** What every assembled guest begins with. */
export const LIBRARY: readonly string[] = [
  "lib/multiboot.s",
  "lib/long-mode.s",
  "lib/console.s",
  "lib/power.s",
];
/** With the first of these, the other sources choose what a paravirtual kernel does. */
export const PARAVIRTUAL_LIBRARY: readonly string[] = [
  "lib/paravirtual/interface.s",
  "lib/multiboot.s",
  "lib/long-mode.s",
  "lib/paravirtual/start.s",
  "lib/console.s",
  "lib/power.s",
];

/** Whether what is built is a kernel for paravirtualisation, which no machine starts. */
export function isParavirtual({ sources }: Recipe): boolean {
  return PARAVIRTUAL_LIBRARY.every((source) => sources.includes(source));
}

function assembled(
  name: string,
  title: string,
  description: string,
  sources: readonly string[],
): CatalogueEntry {
  const recipe: Recipe = { toolchain: "assembler", sources: [...LIBRARY, ...sources] };
  return {
    name,
    title,
    description,
    recipe,
    image: `${name}.bin`,
    listing: `${name}.listing.json`,
    ramMebibytes: 16,
  };
}

/** A guest that can be built for paravirtualisation as well. */
function assembledTwice(
  name: string,
  title: string,
  description: string,
  sources: readonly string[],
): CatalogueEntry {
  const image = `${name}.pv`;
  const recipe: Recipe = { toolchain: "assembler", sources: [...PARAVIRTUAL_LIBRARY, ...sources] };
  return {
    ...assembled(name, title, description, sources),
    paravirtual: { recipe, image: `${image}.bin`, listing: `${image}.listing.json` },
  };
}

function benchmark(name: string, title: string, description: string): CatalogueEntry {
  return assembledTwice(name, title, description, ["lib/command-line.s", `benchmarks/${name}.s`]);
}

/** A benchmark whose point is an operation that no paravirtual kernel has. */
function nativeBenchmark(name: string, title: string, description: string): CatalogueEntry {
  return assembled(name, title, description, ["lib/command-line.s", `benchmarks/${name}.s`]);
}

/** The guests in the order of a menu. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  assembledTwice(
    "hello",
    "A small kernel",
    "Long mode, paging, interrupts, system calls and a program in ring 3",
    [
      // Constants come before their use, and the pages of ring 3 last; to read, begin with main.s.
      "hello/paging.s",
      "hello/traps.s",
      "hello/page-fault.s",
      "hello/timer.s",
      "hello/descriptors.s",
      "hello/system-calls.s",
      "hello/main.s",
      "hello/user.s",
    ],
  ),
  {
    ...assembled(
      "rings",
      "A kernel in ring 1",
      "Executes the privileged and the sensitive instructions in ring 1, each with what a kernel believes to find",
      [],
    ),
    recipe: {
      toolchain: "assembler",
      sources: ["lib/multiboot.s", "rings/traps.s", "rings/monitor.s", "rings/console.s", "rings/main.s"],
    },
  },
  benchmark("prime", "Primes by trial division", "A tight register loop: what a processor-bound guest costs"),
  benchmark("sieve", "Sieve of Eratosthenes", "Loads and stores over 1 MiB, many times"),
  benchmark("memory-walk", "Memory walk", "Copies 4 MiB and updates every word and every page"),
  benchmark("fib", "Recursive Fibonacci", "Calls, returns and a busy stack"),
  nativeBenchmark(
    "tlb-misses",
    "TLB misses",
    "Reads one word of each of 262144 pages, in order and scattered",
  ),
  benchmark("cold-code", "Cold code", "Runs through 8 MiB of code, none of it twice in a row"),
  benchmark("changing-code", "Changing code", "Changes an instruction and executes it, again and again"),
  nativeBenchmark("exits", "CPUID", "An instruction that leaves every guest for its hypervisor, in a loop"),
  nativeBenchmark("interrupts", "Interrupts", "INT and IRETQ in a loop under a fast timer"),
  assembled("triple-fault", "Triple fault", "Faults with an empty IDT and shuts the processor down", [
    "misbehaving/triple-fault.s",
  ]),
  assembled("endless", "Endless loop", "Spins with interrupts off until somebody takes the processor away", [
    "misbehaving/endless.s",
  ]),
  assembled(
    "probe",
    "Probe",
    "Executes CPUID, RDMSR and WRMSR from a table that a lab puts behind it; powers off where there is none",
    ["labs/probe.s"],
  ),
  assembled(
    "memory-probe",
    "Memory probe",
    "Makes the memory accesses of a script that a lab puts behind it; powers off where there is none",
    ["labs/memory-probe.s"],
  ),
  {
    ...assembled(
      "hypercall-probe",
      "Hypercall probe",
      "Makes the hypercalls of a script that a lab puts behind it; with --cpu-mode pv alone",
      [],
    ),
    recipe: { toolchain: "assembler", sources: [...PARAVIRTUAL_LIBRARY, "labs/hypercall-probe.s"] },
  },
  {
    name: "c-hello",
    title: "Compiled C",
    description:
      "What a C compiler emits: division, jump tables, recursion, CRC-32, SHA-256, the boot information",
    recipe: {
      toolchain: "gcc",
      sources: [
        "c-hello/start.S",
        "c-hello/main.c",
        "c-hello/console.c",
        "c-hello/string.c",
        "c-hello/digest.c",
        "c-hello/checks.c",
        "c-hello/boot-information.c",
      ],
      linkerScript: "c-hello/c-hello.ld",
    },
    image: "c-hello.elf",
    ramMebibytes: 16,
  },
];
