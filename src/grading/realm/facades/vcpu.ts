import { OUTCOMES, type Outcome } from "../../../hypervisor/outcome.js";
import {
  REGISTER_NAMES,
  type ExitHandler,
  type Injection,
  type RegisterName,
  type Vcpu,
} from "../../../hypervisor/vcpu.js";
import type { HostCall } from "../crossing.js";
import { hostCall, type Facade } from "../facade.js";
import type { Realm } from "../realm.js";
import type { Expected } from "../result.js";

const OUTCOME: Expected<Outcome> = {
  words: OUTCOMES.map((outcome) => `"${outcome}"`).join(", "),
  take: (returned) => OUTCOMES.find((outcome) => outcome === returned),
};

/** The facade of parts that handle exits: the vCPU that has exited. */
export class VcpuFacade implements Facade {
  readonly source = SOURCE;
  readonly calls = vcpuCalls(() => this.#vcpu!);
  #vcpu: Vcpu | null = null;

  /** An exported handler as the run loop calls it; see {@link Realm.exported}. */
  handler(realm: Realm, name: string): ExitHandler {
    const run = realm.exported(name, "ExitHandler", OUTCOME);
    return (vcpu) => {
      this.#vcpu = vcpu;
      try {
        return run();
      } finally {
        this.#vcpu = null;
      }
    };
  }
}

/** The part's side of {@link Vcpu}. */
const SOURCE = `(function (host) {
  "use strict";
  const { Number: Num } = globalThis;
  const { defineProperty, freeze } = Object;
  const MASK = 0xffffffffn;

  const registers = {};
  for (const [names, read, write] of [
    ["${REGISTER_NAMES.join(" ")}", host.readRegister64, host.writeRegister64],
    ["eax ebx ecx edx", host.readRegister32, host.writeRegister32],
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
  return freeze(vcpu);
})`;

type Name32 = "eax" | "ebx" | "ecx" | "edx";

/** The host's side: what each call does. */
function vcpuCalls(vcpu: () => Vcpu): Record<string, HostCall> {
  return {
    index: hostCall("vcpu.index", "", () => vcpu().index),
    exitReason: hostCall("vcpu.exitReason", "", () => vcpu().exitReason),
    readRegister64: hostCall(
      "vcpu.registers.*",
      "name: string",
      (name: RegisterName) => vcpu().registers[name],
    ),
    readRegister32: hostCall("vcpu.registers.*", "name: string", (name: Name32) => vcpu().registers[name]),
    writeRegister64: hostCall(
      "vcpu.registers.*",
      "name: string, value: bigint",
      (name: RegisterName, value: bigint) => {
        vcpu().registers[name] = value;
      },
    ),
    writeRegister32: hostCall(
      "vcpu.registers.*",
      "name: string, value: number",
      (name: Name32, value: number) => {
        vcpu().registers[name] = value;
      },
    ),
    vmread: hostCall("vcpu.vmread", "field: number", (field: number) => vcpu().vmread(field)),
    vmwrite: hostCall("vcpu.vmwrite", "field: number, value: bigint", (field: number, value: bigint) =>
      vcpu().vmwrite(field, value),
    ),
    advance: hostCall("vcpu.advance", "", () => vcpu().advance()),
    inject: hostCall(
      "vcpu.inject",
      "vector: number, type: string, errorCode: integer or undefined",
      inject(vcpu),
    ),
    cpuid: hostCall("vcpu.cpuid", "leaf: number, subleaf: number", (leaf: number, subleaf: number) => {
      const { eax, ebx, ecx, edx } = vcpu().cpuid(leaf, subleaf);
      return BigInt(eax) | (BigInt(ebx) << 32n) | (BigInt(ecx) << 64n) | (BigInt(edx) << 96n);
    }),
    rdmsr: hostCall("vcpu.rdmsr", "index: number", (index: number) => vcpu().rdmsr(index)),
    readVirtualMsr: hostCall("vcpu.readVirtualMsr", "index: number", (index: number) =>
      vcpu().readVirtualMsr(index),
    ),
    writeVirtualMsr: hostCall(
      "vcpu.writeVirtualMsr",
      "index: number, value: bigint",
      (index: number, value: bigint) => vcpu().writeVirtualMsr(index, value),
    ),
    readPort: hostCall("vcpu.readPort", "port: number, size: number", (port: number, size: number) =>
      vcpu().readPort(port, size),
    ),
    writePort: hostCall(
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
