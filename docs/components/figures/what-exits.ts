/**
 * What exits and what need not: the processor's rules (SDM Vol. 3, 26.1 and 26.2) beside what the VMCS of the machine
 * in the page makes of them.
 */
import * as V from "../../lib/spec/vmx-controls.js";
import type { MachineView } from "../../lib/experiments/view.js";
import { count } from "./format.js";
import { element, frame, type FrameOptions } from "./frame.js";

interface Rule {
  what: string;
  /** The condition in words; absent for what exits always or never. */
  when?: string;
  /** The condition as the VMCS holds it. */
  holds?: (field: (name: string) => bigint) => boolean;
  /** Exit reasons under which these exits are counted. */
  reasons?: readonly number[];
}

interface Column {
  title: string;
  says: string;
  rules: readonly Rule[];
}

const primary =
  (bit: number) =>
  (field: (name: string) => bigint): boolean =>
    (field("PRIMARY_CONTROLS") & BigInt(bit >>> 0)) !== 0n;

const COLUMNS: readonly Column[] = [
  {
    title: "Exits always",
    says: "No control switches these off (SDM Vol. 3, 26.1.2, 26.2).",
    rules: [
      { what: "CPUID", reasons: [10] },
      {
        what: "VMXON, VMLAUNCH, VMREAD and the other VMX instructions",
        reasons: [18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
      },
      { what: "INVD, XSETBV, GETSEC", reasons: [11, 13, 55] },
      { what: "triple fault, INIT, task switch", reasons: [2, 3, 9] },
    ],
  },
  {
    title: "Exits if the VMCS says so",
    says: "One bit, one bitmap or one mask each (SDM Vol. 3, 26.1.3, 26.2).",
    rules: [
      { what: "HLT", when: "“HLT exiting”", holds: primary(V.PRIMARY_HLT_EXITING), reasons: [12] },
      {
        what: "IN, OUT",
        when: "“unconditional I/O exiting”, or the port’s bit in the I/O bitmaps",
        holds: (field) =>
          primary(V.PRIMARY_UNCONDITIONAL_IO_EXITING)(field) || primary(V.PRIMARY_USE_IO_BITMAPS)(field),
        reasons: [30],
      },
      {
        what: "RDMSR, WRMSR",
        when: "no MSR bitmap, or the register’s bit in it",
        holds: () => true,
        reasons: [31, 32],
      },
      {
        what: "external interrupt",
        when: "“external-interrupt exiting”",
        holds: (field) => (field("PIN_BASED_CONTROLS") & BigInt(V.PIN_EXTERNAL_INTERRUPT_EXITING)) !== 0n,
        reasons: [1],
      },
      {
        what: "MOV to CR0 or CR4",
        when: "it changes a bit in the guest/host mask",
        holds: (field) => field("CR0_GUEST_HOST_MASK") !== 0n || field("CR4_GUEST_HOST_MASK") !== 0n,
        reasons: [28],
      },
      { what: "MOV to CR3", when: "“CR3-load exiting”", holds: primary(V.PRIMARY_CR3_LOAD_EXITING) },
      { what: "RDTSC", when: "“RDTSC exiting”", holds: primary(V.PRIMARY_RDTSC_EXITING), reasons: [16, 51] },
      { what: "INVLPG", when: "“INVLPG exiting”", holds: primary(V.PRIMARY_INVLPG_EXITING), reasons: [14] },
      {
        what: "page fault and other exceptions",
        when: "the vector’s bit in the exception bitmap",
        holds: (field) => field("EXCEPTION_BITMAP") !== 0n,
        reasons: [0],
      },
      {
        what: "access that the EPT refuses",
        when: "“enable EPT”",
        holds: (field) => (field("SECONDARY_CONTROLS") & BigInt(V.SECONDARY_ENABLE_EPT)) !== 0n,
        reasons: [48, 49],
      },
    ],
  },
  {
    title: "Never exits",
    says: "The processor runs these with the guest’s own tables, at full speed.",
    rules: [
      { what: "SYSCALL, SYSRET, IRET: ring 3 ↔ ring 0" },
      { what: "PUSHF, POPF, CLI, STI" },
      { what: "INT n through the guest’s IDT" },
      { what: "reading CR0 and CR4: the mask and the read shadow answer" },
      { what: "loads and stores that the guest’s page tables and the EPT allow" },
      { what: "arithmetic, jumps, calls: nearly all of a program" },
    ],
  },
];

export interface WhatExits {
  element: HTMLElement;
  update(view: MachineView | null): void;
}

export function whatExits(options: FrameOptions): WhatExits {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("what-exits");
  made.element.querySelector(".figure-tools")?.remove();
  const cells: { rule: Rule; here: HTMLElement }[] = [];
  const columns = COLUMNS.map((column) => {
    const list = element("ul", {});
    for (const rule of column.rules) {
      const here = element("span", { class: "rule-here" });
      cells.push({ rule, here });
      list.append(
        element(
          "li",
          {},
          element("span", { class: "rule-what" }, rule.what),
          ...(rule.when ? [element("span", { class: "rule-when" }, rule.when)] : []),
          here,
        ),
      );
    }
    return element(
      "div",
      {},
      element("p", { class: "rule-column" }, column.title),
      element("p", { class: "rule-says" }, column.says),
      list,
    );
  });
  made.body.append(element("div", { class: "rule-columns" }, ...columns));
  return {
    element: made.element,
    update(view) {
      const field = (name: string): bigint => view?.vmcs?.find((other) => other.name === name)?.value ?? 0n;
      for (const { rule, here } of cells) {
        const times = (view?.exits ?? [])
          .filter(({ reason }) => rule.reasons?.includes(reason))
          .reduce((sum, exit) => sum + exit.count, 0);
        const asked = view?.vmcs && rule.holds ? rule.holds(field) : null;
        here.dataset.asked = String(asked);
        here.textContent = inWords(asked, times);
      }
    },
  };
}

function inWords(asked: boolean | null, times: number): string {
  const counted = times > 0 ? `${count(times)}\u202f× so far` : "";
  if (asked === null) return counted;
  if (!asked) return "not asked for here";
  return counted === "" ? "asked for here" : `asked for here, ${counted}`;
}
