import * as vcpu from "../../hypervisor/vcpu.js";
import * as outcome from "../../hypervisor/outcome.js";
import * as controlBits from "../../spec/control-bits.js";
import * as exitReasons from "../../spec/exit-reasons.js";
import * as msrs from "../../spec/msrs.js";
import * as pageBits from "../../spec/page-bits.js";
import * as paravirtual from "../../spec/paravirtual.js";
import * as ports from "../../spec/ports.js";
import * as vectors from "../../spec/vectors.js";
import * as vmcsFields from "../../spec/vmcs-fields.js";
import * as vmxControls from "../../spec/vmx-controls.js";

/** A constant that a part may import. */
export type Constant = number | bigint | string | boolean | readonly string[];
/** Modules of constants by name, each a record of its exports. */
export type ConstantModules = Readonly<Record<string, Readonly<Record<string, Constant>>>>;

/** The modules that every part may import: numbers of the architecture and names of the hypervisor's contract. */
export const SHARED_MODULES: ConstantModules = {
  "spec/control-bits": constantsOf(controlBits),
  "spec/exit-reasons": constantsOf(exitReasons),
  "spec/msrs": constantsOf(msrs),
  "spec/page-bits": constantsOf(pageBits),
  "spec/paravirtual": constantsOf(paravirtual),
  "spec/ports": constantsOf(ports),
  "spec/vectors": constantsOf(vectors),
  "spec/vmcs-fields": constantsOf(vmcsFields),
  "spec/vmx-controls": constantsOf(vmxControls),
  "hypervisor/outcome": constantsOf(outcome),
  "hypervisor/vcpu": constantsOf(vcpu),
};

function constantsOf(namespace: object): Record<string, Constant> {
  return Object.fromEntries(
    Object.entries(namespace).filter(([, value]) => typeof value !== "function"),
  ) as Record<string, Constant>;
}

/**
 * The name of the module that an import means: `../../src/spec/msrs.js`, `../spec/msrs` and `ring1/spec/msrs` are all
 * `spec/msrs`, so that a part reads the same in its lab, in the hypervisor and in a file of one's own.
 */
export function moduleName(specifier: string): string {
  return specifier
    .replace(/^(\.{1,2}\/)+/, "")
    .replace(/^ring1\//, "")
    .replace(/^src\//, "")
    .replace(/\.[jt]s$/, "");
}

/** The text of a module of constants. */
export function moduleText(constants: Readonly<Record<string, Constant>>): string {
  return Object.entries(constants)
    .map(([name, value]) => `export const ${name} = ${literal(value)};`)
    .join("\n");
}

function literal(value: Constant): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object") return `Object.freeze(${JSON.stringify(value)})`;
  return JSON.stringify(value);
}
