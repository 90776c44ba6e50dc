/**
 * The table of contents: one list that the cover, the running heads, the pager, the search and the tests share. A
 * chapter with `slug` is written; one without is announced. A chapter's page is `chapters/<slug>.md`, its deck
 * `lectures/<slug>.md`.
 */

export interface Chapter {
  number: number;
  title: string;
  /** What the chapter asks, as the reader would. */
  question: string;
  slug?: string;
  /** Labs that exist: path of the page and a short title. */
  labs?: readonly { page: string; title: string }[];
  deck?: boolean;
}

export interface Part {
  /** Roman numeral; empty for the capstone. */
  numeral: string;
  title: string;
  chapters: readonly Chapter[];
}

export const PARTS: readonly Part[] = [
  {
    numeral: "I",
    title: "Hypervisors",
    chapters: [
      {
        number: 1,
        title: "A machine inside a machine",
        question: "What can a guest tell about where it runs?",
      },
      { number: 2, title: "Two types", question: "What does one exit cost when another system lies below?" },
      { number: 3, title: "Why native", question: "Three idle machines: why not one busy one?" },
    ],
  },
  {
    numeral: "II",
    title: "Virtualising the CPU",
    chapters: [
      {
        number: 4,
        title: "Rings before 2006",
        question: "Why did POPF lose the interrupt flag in silence?",
        slug: "04-rings-before-2006",
        deck: true,
      },
      {
        number: 5,
        title: "Binary translation",
        question: "How can rewritten code be faster than the original?",
        slug: "05-binary-translation",
        deck: true,
      },
      {
        number: 6,
        title: "Paravirtualisation",
        question: "What if the guest simply asked?",
        slug: "06-paravirtualisation",
        deck: true,
        labs: [{ page: "/labs/hypercalls", title: "Page-table updates by hypercall" }],
      },
      {
        number: 7,
        title: "Ring −1",
        question: "What did two new instructions change in 2006?",
        slug: "07-ring-minus-1",
        deck: true,
        labs: [{ page: "/labs/cpuid-msr", title: "CPUID and MSRs" }],
      },
      { number: 8, title: "What an exit costs", question: "Where do two thousand cycles go?" },
    ],
  },
  {
    numeral: "III",
    title: "Virtualising memory",
    chapters: [
      {
        number: 9,
        title: "Page tables and the TLB",
        question: "Who manages an address on its way to memory?",
        labs: [{ page: "/labs/page-walker", title: "A page-table walker with a TLB" }],
      },
      {
        number: 10,
        title: "Shadow paging",
        question: "How do you keep a copy of a table you may not read?",
        labs: [{ page: "/labs/shadow-pages", title: "Shadow page tables" }],
      },
      {
        number: 11,
        title: "Nested paging",
        question: "Why does one access become twenty-four?",
        labs: [{ page: "/labs/ept-violations", title: "EPT violations and dirty pages" }],
      },
    ],
  },
  {
    numeral: "IV",
    title: "I/O, four ways",
    chapters: [
      { number: 12, title: "Emulated devices", question: "How many exits does one packet cause?" },
      { number: 13, title: "Paravirtual devices", question: "What does a driver gain by knowing?" },
      { number: 14, title: "Direct assignment", question: "Who stops a device from writing anywhere?" },
      { number: 15, title: "VM-aware devices", question: "Can a card be its own hypervisor?" },
      { number: 16, title: "The four compared", question: "Which way, for which device?" },
      { number: 17, title: "A prime or a database?", question: "A few per cent, or thirty-five?" },
    ],
  },
  {
    numeral: "V",
    title: "The products",
    chapters: [
      {
        number: 18,
        title: "Four native hypervisors",
        question: "What do vSphere, Hyper-V, Xen and KVM share?",
      },
      { number: 19, title: "Market and clouds", question: "Who won, and with what?" },
    ],
  },
  {
    numeral: "VI",
    title: "Living with VMs",
    chapters: [
      { number: 20, title: "Pause, snapshot, clone", question: "What is a machine, written to a file?" },
      { number: 21, title: "Live migration", question: "How does a machine move while it answers?" },
      { number: 22, title: "Isolation and overcommit", question: "Who suffers when everyone wants more?" },
      { number: 23, title: "A hundred machines", question: "Where should the next machine go?" },
      { number: 24, title: "Containers instead?", question: "What is shared, and what is not?" },
    ],
  },
  {
    numeral: "",
    title: "Capstone",
    chapters: [
      {
        number: 25,
        title: "A real Linux",
        question: "Will an unmodified kernel notice?",
        slug: "25-a-real-linux",
      },
    ],
  },
];

export interface Appendix {
  title: string;
  about: string;
  /** Path of its page from the root of the site, when it is written. */
  path?: string;
}

export const APPENDICES: readonly Appendix[] = [
  { title: "Glossary", about: "Every term, linked to where it first stands" },
  { title: "Reading list", about: "The papers and manuals behind the chapters" },
  {
    title: "API reference",
    about: "The simulator and the hypervisor, generated from their source",
    path: "/api/index.html",
  },
  {
    title: "The processor",
    about: "What is there, and how it is tested",
    path: "/appendices/processor",
  },
  {
    title: "What the lock-step found",
    about: "The processor beside QEMU on the same random cases",
    path: "/appendices/lockstep",
  },
  { title: "For authors", about: "How to write chapters, quotes and decks", path: "/appendices/authors" },
  { title: "For lecturers", about: "Decks, speaker view, demonstrations" },
  { title: "For instructors", about: "Grading a class" },
];

export const CHAPTERS: readonly Chapter[] = PARTS.flatMap((part) => part.chapters);

export const WRITTEN = CHAPTERS.filter((chapter) => chapter.slug !== undefined);

export const LABS = CHAPTERS.flatMap((chapter) => chapter.labs ?? []);

export const chapterPath = (chapter: Chapter): string => `/chapters/${chapter.slug}`;

export const deckPath = (chapter: Chapter): string => `/lectures/${chapter.slug}`;

export const partOf = (chapter: Chapter): Part => PARTS.find((part) => part.chapters.includes(chapter))!;

/** The chapter whose page or deck has this path. */
export function chapterAt(path: string): Chapter | undefined {
  const slug = /^\/(?:chapters|lectures)\/([^/.]+)/.exec(path)?.[1];
  return slug === undefined ? undefined : WRITTEN.find((chapter) => chapter.slug === slug);
}
