import { hex, violation, type Violation } from "../judging.js";
import { leafOf, words, type Observation } from "./observe.js";
import type { Probe } from "./probe.js";
import { LEAF_HYPERVISOR, LEAF_HYPERVISOR_LAST } from "./scenarios.js";

/**
 * What one instruction of the probe guest has to show. Expected values come from a run of the same guest on the
 * hypervisor's own handlers, but for the signature, which is the variant's.
 * @module
 */
const LOW = 0xffff_ffffn;
const REGISTERS = ["rax", "rbx", "rcx", "rdx"] as const;

export const isCpuid = (probe: Probe): boolean => probe.kind.endsWith("cpuid");
export const isOwnLeaf = (probe: Probe): boolean =>
  isCpuid(probe) && leafOf(probe) >= LEAF_HYPERVISOR && leafOf(probe) <= LEAF_HYPERVISOR_LAST;

/** The guest went on with the instruction behind, and with no exception. */
export function continued({ probe, result }: Observation): Violation | null {
  if (result.faults > 0n)
    return violation(`${words(probe)} raised an exception in the guest.`, "no exception", "#GP");
  if (result.next === 1n) return null;
  return violation(
    `After ${words(probe)} the guest skipped the next instruction: RIP was advanced too far.`,
    "RIP moves by the length of the instruction, once",
    "the instruction behind it was not executed",
  );
}

/** EAX, EBX, ECX and EDX as the reference has them. */
export function answered({ probe, result, reference }: Observation): Violation | null {
  const show = (values: Record<(typeof REGISTERS)[number], bigint>): string =>
    REGISTERS.map((name) => `E${name.slice(1).toUpperCase()} = ${hex(values[name] & LOW)}`).join(", ");
  const [expected, actual] = [show(reference), show(result)];
  return expected === actual ? null : violation(`${words(probe)} gave a wrong answer.`, expected, actual);
}

export function featuresAnswered(observation: Observation): Violation | null {
  const ecx = observation.result.rcx & LOW;
  if (((ecx >> 31n) & 1n) === 0n)
    return violation("Leaf 1 hides the hypervisor.", "ECX[31] = 1", "ECX[31] = 0");
  if (((ecx >> 5n) & 1n) === 1n)
    return violation("Leaf 1 offers VMX to the guest.", "ECX[5] = 0", "ECX[5] = 1");
  return answered(observation);
}

export function signed(observation: Observation): Violation | null {
  const { probe, result, signature } = observation;
  if (leafOf(probe) !== LEAF_HYPERVISOR) return answered(observation);
  const eax = result.rax & LOW;
  if (eax !== BigInt(LEAF_HYPERVISOR)) {
    return violation(
      "Leaf 0x40000000 names a wrong highest leaf.",
      `EAX = ${hex(LEAF_HYPERVISOR)}`,
      `EAX = ${hex(eax)}`,
    );
  }
  const found = [result.rbx, result.rcx, result.rdx].map(characters).join("");
  if (found === signature) return null;
  return violation(
    "The signature of leaf 0x40000000 is wrong.",
    JSON.stringify(signature),
    JSON.stringify(found),
  );
}

export function upperHalvesCleared({ probe, result }: Observation): Violation | null {
  const written = isCpuid(probe) ? REGISTERS : (["rax", "rdx"] as const);
  const dirty = written.find((name) => result[name] >> 32n !== 0n);
  if (dirty === undefined) return null;
  const name = dirty.toUpperCase();
  return violation(
    `${words(probe)} left the upper half of ${name}.`,
    `${name}[63:32] = 0`,
    `${name} = ${hex(result[dirty])}`,
  );
}

export function msrServed({ probe, result, reference }: Observation): Violation | null {
  const fault = continued({ probe, result, reference, signature: "" });
  if (fault || probe.kind === "wrmsr") return fault;
  const show = (rdx: bigint, rax: bigint): string => `EDX:EAX = ${hex(rdx & LOW)}:${hex(rax & LOW)}`;
  const [expected, actual] = [show(reference.rdx, reference.rax), show(result.rdx, result.rax)];
  return expected === actual ? null : violation(`${words(probe)} gave a wrong value.`, expected, actual);
}

/** #GP(0) with RIP at the instruction, and no register changed. */
export function refused({ probe, result }: Observation): Violation | null {
  const what = words(probe);
  if (result.faults === 0n) return violation(`${what} went through.`, "#GP(0) in the guest", "no exception");
  if (result.faults > 1n)
    return violation(`${what} faulted again and again.`, "#GP once", `#GP ${result.faults} times`);
  if (result.errorCode !== 0n) {
    return violation(
      `${what} raised another exception than #GP(0).`,
      "error code 0",
      `error code ${hex(result.errorCode)}`,
    );
  }
  if (result.faultOffset !== 0n) {
    return violation(
      `After ${what} the saved RIP is wrong.`,
      "RIP of the instruction itself",
      `RIP is ${result.faultOffset} bytes behind it`,
    );
  }
  const changed = REGISTERS.find((name) => result[name] !== probe[name]);
  if (changed === undefined) return null;
  return violation(
    `${what} raised #GP and changed ${changed.toUpperCase()}.`,
    hex(probe[changed]),
    hex(result[changed]),
  );
}

/** Refusal where the reference refuses, service where it serves: for guests that try everything. */
export function asReference(observation: Observation): Violation | null {
  const { probe, reference } = observation;
  if (reference.faults > 0n) return refused(observation);
  if (!isCpuid(probe)) return msrServed(observation);
  return continued(observation) ?? (isOwnLeaf(probe) ? signed(observation) : answered(observation));
}

function characters(value: bigint): string {
  return [0n, 8n, 16n, 24n].map((shift) => String.fromCharCode(Number((value >> shift) & 0xffn))).join("");
}
