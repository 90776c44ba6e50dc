/** VM entries that the processor refuses: each is made on a machine of its own, by a CPUID handler that spoils the VMCS. */
import { element, frame, type FrameOptions } from "../figures/frame.js";
import { Machine, type MachineState } from "./client.js";

export interface SpoiledEntry {
  /** One line of the handler. */
  statement: string;
  /** What VM entry demands instead, and where the manual says so. */
  demand: string;
  section: string;
}

export const SPOILED: readonly SpoiledEntry[] = [
  {
    statement: "vcpu.vmwrite(F.GUEST_RFLAGS, 0n);",
    demand: "Bit 1 of RFLAGS is 1, as on every x86 since 1978.",
    section: "27.3.1.4",
  },
  {
    statement: "vcpu.vmwrite(F.GUEST_CR0, 0x80000020n);",
    demand: "Paging (CR0.PG) without protected mode (CR0.PE) does not exist.",
    section: "27.3.1.1",
  },
  {
    statement: "vcpu.vmwrite(F.GUEST_RIP, 1n << 60n);",
    demand: "RIP is an address that the processor can have.",
    section: "27.3.1.4",
  },
  {
    statement: "vcpu.vmwrite(F.ENTRY_INTERRUPTION_INFORMATION, 0x80000120n);",
    demand: "The type of an injected event is one that exists; 1 is reserved.",
    section: "27.2.1.3",
  },
  {
    statement: "vcpu.vmwrite(F.PIN_BASED_CONTROLS, 0xffffffffn);",
    demand: "Only controls that the processor has are set.",
    section: "27.2.1.1",
  },
];

const PATH = "src/hypervisor/vtx/exits/cpuid.ts";

/** The handler that a row stands for. */
export function spoiledHandler({ statement }: SpoiledEntry): string {
  return `import * as F from "../../../spec/vmcs-fields.js";
export const cpuid = (vcpu) => {
  ${statement}
  vcpu.advance();
  return "resume";
};
`;
}

export function entryChecks(options: FrameOptions, guest: string): HTMLElement {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("entry-checks");
  made.element.querySelector(".figure-tools")?.remove();
  const head = element("tr");
  for (const name of ["The handler does", "VM entry demands", "The processor says"])
    head.append(element("th", { scope: "col" }, name));
  const body = element("tbody");
  for (const entry of SPOILED) body.append(row(entry, guest));
  made.body.append(element("table", {}, element("thead", {}, head), body));
  return made.element;
}

/** Code that may be broken behind parentheses and commas only. */
function breakable(statement: string): HTMLElement {
  const parts = statement.split(/(?<=[(,])/).flatMap((part) => [part, element("wbr")]);
  return element("code", {}, ...parts);
}

function row(entry: SpoiledEntry, guest: string): HTMLElement {
  const button = element("button", { type: "button", class: "button" }, "Enter");
  const says = element("p", { class: "entry-says", role: "status" });
  button.addEventListener("click", () => {
    button.disabled = true;
    says.textContent = "Running …";
    void refusal(entry, guest).then((text) => {
      says.textContent = text;
      button.disabled = false;
    });
  });
  return element(
    "tr",
    {},
    element("td", {}, breakable(entry.statement)),
    element("td", {}, `${entry.demand} (${entry.section})`),
    element("td", {}, button, says),
  );
}

/** Runs a fresh machine to its first CPUID and over it; what it ends with. */
function refusal(entry: SpoiledEntry, guest: string): Promise<string> {
  return new Promise((resolve) => {
    const machine = new Machine({
      guest,
      cpuMode: "vtx",
      edited: { CPUID: { path: PATH, exportName: "cpuid", javascript: spoiledHandler(entry) } },
    });
    const finish = (text: string): void => {
      stop();
      machine.dispose();
      resolve(text);
    };
    const look = ({ status, view, notice }: MachineState): void => {
      if (status === "ready") queueMicrotask(() => machine.run());
      else if (status === "failed")
        queueMicrotask(() => finish(notice ? `${notice.title}: ${notice.text}` : "The machine failed."));
      else if (status === "ended") queueMicrotask(() => finish(view?.ending?.message ?? ""));
    };
    const stop = machine.subscribe(look);
  });
}
