import { GUEST_RSP } from "../../spec/vmcs-fields.js";
import type { VmxPort } from "./vmx-port.js";
import { REGISTER_NAMES, type Registers } from "../vcpu.js";

const RSP = REGISTER_NAMES.indexOf("rsp");
/** Position in {@link REGISTER_NAMES} is the number in instruction encodings. */
const NAMES_32 = { eax: 0, ecx: 1, edx: 2, ebx: 3 } as const;

/** The guest's registers as a VM exit left them: in the processor, but for RSP, which is in the VMCS. */
export function guestRegisters(port: VmxPort): Registers {
  const registers = {} as Registers;
  REGISTER_NAMES.forEach((name, number) => {
    Object.defineProperty(registers, name, {
      enumerable: true,
      get: () => (number === RSP ? port.vmread(GUEST_RSP) : port.readRegister(number)),
      set: (value: bigint) => {
        if (typeof value !== "bigint")
          throw new TypeError(`registers.${name}: expected a bigint, got ${typeof value}`);
        if (number === RSP) port.vmwrite(GUEST_RSP, BigInt.asUintN(64, value));
        else port.writeRegister(number, value);
      },
    });
  });
  for (const [name, number] of Object.entries(NAMES_32)) {
    Object.defineProperty(registers, name, {
      enumerable: true,
      get: () => port.readRegister32(number),
      set: (value: number) => {
        if (typeof value !== "number")
          throw new TypeError(`registers.${name}: expected a number, got ${typeof value}`);
        port.writeRegister32(number, value >>> 0);
      },
    });
  }
  return registers;
}
