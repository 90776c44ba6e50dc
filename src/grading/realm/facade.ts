import { REGISTER_NAMES, type Injection, type RegisterName, type Vcpu } from "../../hypervisor/vcpu.js";
import type { HostCall, Kind, Parameter, Primitive } from "./crossing.js";

/**
 * The part's side of {@link Vcpu}, as JavaScript that runs in the realm before the part does: an object with the
 * interface's shape over host calls that take and return primitives only. It keeps the intrinsics that it needs, so
 * that a part that replaces them harms nobody but itself.
 */
export const FACADE_SOURCE = `(function (host, names64, names32) {
  "use strict";
  const { BigInt: Big, Number: Num, String: Str, JSON: { stringify }, Math: math } = globalThis;
  const { defineProperty, freeze } = Object;
  const MASK = 0xffffffffn;

  const registers = {};
  for (const [names, read, write] of [
    [names64, host.readRegister64, host.writeRegister64],
    [names32, host.readRegister32, host.writeRegister32],
  ]) {
    for (const name of names.split(" ")) {
      defineProperty(registers, name, {
        enumerable: true,
        get: () => read(name),
        set: (value) => { write(name, value); },
      });
    }
  }

  const vcpu = {
    get index() { return host.index(); },
    get exitReason() { return host.exitReason(); },
    registers: freeze(registers),
    vmread: (field) => host.vmread(field),
    vmwrite: (field, value) => { host.vmwrite(field, value); },
    advance: () => { host.advance(); },
    inject: (event) => { host.inject(event.vector, event.type, event.errorCode); },
    cpuid: (leaf, subleaf) => {
      const packed = host.cpuid(leaf, subleaf);
      return {
        eax: Num(packed & MASK),
        ebx: Num((packed >> 32n) & MASK),
        ecx: Num((packed >> 64n) & MASK),
        edx: Num(packed >> 96n),
      };
    },
    rdmsr: (index) => host.rdmsr(index),
    readVirtualMsr: (index) => host.readVirtualMsr(index),
    writeVirtualMsr: (index, value) => host.writeVirtualMsr(index, value),
    readPort: (port, size) => host.readPort(port, size),
    writePort: (port, size, value) => { host.writePort(port, size, value); },
  };

  const show = (value) => {
    if (typeof value === "string") return value;
    if (typeof value !== "object" || value === null) return Str(value) + (typeof value === "bigint" ? "n" : "");
    return stringify(value, (key, inner) => (typeof inner === "bigint" ? Str(inner) + "n" : inner)) ?? "";
  };
  const print = (...values) => {
    let line = "";
    for (let i = 0; i < values.length; i++) line += (i ? " " : "") + show(values[i]);
    host.print(line);
  };
  globalThis.console = { log: print, info: print, warn: print, error: print, debug: print };
  delete math.random;
  return freeze(vcpu);
})`;

export const NAMES_64 = REGISTER_NAMES.join(" ");
export const NAMES_32 = "eax ebx ecx edx";
type Name32 = "eax" | "ebx" | "ecx" | "edx";

/** `field: number, value: bigint` as parameters. */
function parse(parameters: string): Parameter[] {
  if (!parameters) return [];
  return parameters.split(", ").map((parameter) => {
    const [name, kind] = parameter.split(": ");
    return { name, kind: kind as Kind };
  });
}

/**
 * The host's side: what each call does.
 * @param vcpu - the vCPU whose exit is being handled; throws a TypeError outside of an exit
 * @param print - takes a line that the part printed
 */
export function hostCalls(vcpu: () => Vcpu, print: (line: string) => void): Record<string, HostCall> {
  const call = (
    title: string,
    parameters: string,
    run: (...values: never[]) => Primitive | void,
  ): HostCall => ({
    title,
    parameters: parse(parameters),
    call: run,
  });
  return {
    print: call("console.log", "line: string", print),
    index: call("vcpu.index", "", () => vcpu().index),
    exitReason: call("vcpu.exitReason", "", () => vcpu().exitReason),
    readRegister64: call("vcpu.registers.*", "name: string", (name: RegisterName) => vcpu().registers[name]),
    readRegister32: call("vcpu.registers.*", "name: string", (name: Name32) => vcpu().registers[name]),
    writeRegister64: call(
      "vcpu.registers.*",
      "name: string, value: bigint",
      (name: RegisterName, value: bigint) => {
        vcpu().registers[name] = value;
      },
    ),
    writeRegister32: call(
      "vcpu.registers.*",
      "name: string, value: number",
      (name: Name32, value: number) => {
        vcpu().registers[name] = value;
      },
    ),
    vmread: call("vcpu.vmread", "field: number", (field: number) => vcpu().vmread(field)),
    vmwrite: call("vcpu.vmwrite", "field: number, value: bigint", (field: number, value: bigint) =>
      vcpu().vmwrite(field, value),
    ),
    advance: call("vcpu.advance", "", () => vcpu().advance()),
    inject: call(
      "vcpu.inject",
      "vector: number, type: string, errorCode: integer or undefined",
      inject(vcpu),
    ),
    cpuid: call("vcpu.cpuid", "leaf: number, subleaf: number", (leaf: number, subleaf: number) => {
      const { eax, ebx, ecx, edx } = vcpu().cpuid(leaf, subleaf);
      return BigInt(eax) | (BigInt(ebx) << 32n) | (BigInt(ecx) << 64n) | (BigInt(edx) << 96n);
    }),
    rdmsr: call("vcpu.rdmsr", "index: number", (index: number) => vcpu().rdmsr(index)),
    readVirtualMsr: call("vcpu.readVirtualMsr", "index: number", (index: number) =>
      vcpu().readVirtualMsr(index),
    ),
    writeVirtualMsr: call(
      "vcpu.writeVirtualMsr",
      "index: number, value: bigint",
      (index: number, value: bigint) => vcpu().writeVirtualMsr(index, value),
    ),
    readPort: call("vcpu.readPort", "port: number, size: number", (port: number, size: number) =>
      vcpu().readPort(port, size),
    ),
    writePort: call(
      "vcpu.writePort",
      "port: number, size: number, value: number",
      (port: number, size: number, value: number) => vcpu().writePort(port, size, value),
    ),
  };
}

function inject(vcpu: () => Vcpu): (vector: number, type: Injection["type"], errorCode?: number) => void {
  return (vector, type, errorCode) => {
    if (type !== "interrupt" && type !== "exception") {
      throw new TypeError(
        `vcpu.inject: type must be "interrupt" or "exception", got ${JSON.stringify(type)}`,
      );
    }
    vcpu().inject(errorCode === undefined ? { vector, type } : { vector, type, errorCode });
  };
}
