/** The guest's registers as they stand, with what changed since the last stop marked. */
import type { MachineView } from "../../lib/experiments/view.js";
import { hex } from "./format.js";
import { element } from "./frame.js";
import { changedRegisters, setBits } from "./register-words.js";

export interface Registers {
  element: HTMLElement;
  update(now: MachineView | null, before: MachineView | null): void;
}

export function registers(): Registers {
  const list = element("dl", { class: "registers", tabindex: "0", "aria-label": "Registers of the guest" });
  return {
    element: list,
    update(now, before) {
      if (!now) return list.replaceChildren();
      const changed = changedRegisters(now.registers, before?.registers ?? null);
      list.replaceChildren(
        ...now.registers.map((register) => {
          const bits = setBits(register);
          const different = changed.has(register.name);
          const value = element("dd", {}, hex(register.value, register.width));
          if (bits) value.append(element("span", { class: "register-bits" }, bits.join(" ") || "no bit set"));
          if (different) value.append(element("span", { class: "visually-hidden" }, " changed"));
          return element(
            "div",
            different ? { class: "changed" } : {},
            element("dt", {}, register.name.toUpperCase()),
            value,
          );
        }),
      );
    },
  };
}
