import { describe, expect, it } from "vitest";
import { applyCosts, PRESETS } from "../../src/machine/costs.js";
import * as S from "../../src/spec/cpu-state.js";

/** VMCS fields that a typical handler reads (Adams & Agesen, ASPLOS 2006, 7.1). */
const HANDLER_ACCESSES = 10;

describe("cost presets", () => {
  it("skylake: an exit with a small handler takes what KVM's vmcall was measured at", () => {
    const { vmExit, vmEntry, vmcsAccess } = PRESETS.skylake.costs;
    const roundTrip = vmExit + vmEntry + HANDLER_ACCESSES * vmcsAccess;
    expect(roundTrip).toBeGreaterThanOrEqual(1529);
    expect(roundTrip).toBeLessThanOrEqual(1559);
  });

  it.each([
    ["pentium4-672", 2409, 1931],
    ["core2-duo", 937, 1186],
  ] as const)("%s: entry and exit as in Adams & Agesen, table 1", (name, vmEntry, vmExit) => {
    expect(PRESETS[name].costs).toMatchObject({ vmEntry, vmExit });
  });

  it.each(Object.entries(PRESETS))(
    "%s fills all eight cost fields with positive whole cycles",
    (_name, { costs }) => {
      const fields = new Map<number, number>();
      applyCosts({ write32: (field, value) => fields.set(field, value) }, costs);
      expect([...fields.keys()].sort((x, y) => x - y)).toEqual([
        S.COST_VM_ENTRY,
        S.COST_VM_EXIT,
        S.COST_WALK_REFERENCE,
        S.COST_DELIVERY,
        S.COST_VMCS_ACCESS,
        S.COST_SYSCALL,
        S.COST_IRET,
        S.COST_PORT,
      ]);
      for (const cycles of fields.values()) expect(Number.isInteger(cycles) && cycles > 0).toBe(true);
    },
  );
});
