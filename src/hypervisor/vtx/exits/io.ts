import { EXIT_QUALIFICATION } from "../../../spec/vmcs-fields.js";
import type { VmExitHandler } from "../../vm-vcpu.js";
import type { Registers } from "../../vcpu.js";
import { ioQualification } from "./io-qualification.js";
import { stringIo } from "./string-io.js";

// #region exit-io
/** IN and OUT: the port belongs to the VM's own board, which is made of emulated devices. */
export const ioInstruction: VmExitHandler = (vcpu) => {
  const io = ioQualification(Number(vcpu.vmread(EXIT_QUALIFICATION)));
  if (io.string) return stringIo(vcpu, io);
  if (io.input) {
    setAccumulator(vcpu.registers, io.size, vcpu.readPort(io.port, io.size));
  } else {
    vcpu.writePort(io.port, io.size, lowBytes(vcpu.registers.eax, io.size));
  }
  vcpu.advance();
  return "resume";
};

/** IN to AL or AX keeps the rest of RAX; IN to EAX clears its upper half (SDM Vol. 1, 3.4.1.1). */
function setAccumulator(registers: Registers, size: number, value: number): void {
  const kept = size === 4 ? 0 : registers.eax & ~((1 << (8 * size)) - 1);
  if (size === 4) registers.eax = value >>> 0;
  else registers.rax = (registers.rax & ~0xffff_ffffn) | BigInt((kept | lowBytes(value, size)) >>> 0);
}
// #endregion

function lowBytes(value: number, size: number): number {
  return size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
}
