import { FLAG_DF } from "../../../spec/control-bits.js";
import {
  EXIT_INSTRUCTION_INFORMATION,
  GUEST_LINEAR_ADDRESS,
  GUEST_RFLAGS,
} from "../../../spec/vmcs-fields.js";
import type { Outcome } from "../../outcome.js";
import type { VmVcpu } from "../../vm-vcpu.js";
import type { IoQualification } from "./io-qualification.js";

/** Elements moved in one exit; a longer REP exits again with what is left. */
const BATCH = 256;

/**
 * INS and OUTS: the processor gives the linear address (GUEST_LINEAR_ADDRESS, SDM 28.2.1) and the address size
 * (instruction information, table 28-14); the guest's page tables give the rest.
 */
export function stringIo(vcpu: VmVcpu, io: IoQualification): Outcome {
  const addressMask = [0xffffn, 0xffff_ffffn, 0xffff_ffff_ffff_ffffn][
    (vcpu.vmread32(EXIT_INSTRUCTION_INFORMATION) >> 7) & 3
  ];
  const pointer = io.input ? "rdi" : "rsi";
  const remaining = io.rep ? vcpu.registers.rcx & addressMask : 1n;
  const batch = remaining < BigInt(BATCH) ? Number(remaining) : BATCH;
  const step = (vcpu.vmread32(GUEST_RFLAGS) & FLAG_DF) !== 0 ? -io.size : io.size;
  const first = vcpu.vmread(GUEST_LINEAR_ADDRESS);
  const translate = vcpu.translation();
  for (let i = 0; i < batch; i++) {
    const refused = moveElement(vcpu, io, translate, first + BigInt(i * step));
    if (refused !== null) return vcpu.stop(refused);
  }
  const moved = BigInt(batch * step);
  vcpu.registers[pointer] = replaceLow(vcpu.registers[pointer], vcpu.registers[pointer] + moved, addressMask);
  if (io.rep) vcpu.registers.rcx = replaceLow(vcpu.registers.rcx, remaining - BigInt(batch), addressMask);
  if (BigInt(batch) === remaining) vcpu.advance();
  return "resume";
}

/** Moves one element, byte by byte as it may cross a page; the reason in words when its address is not RAM. */
function moveElement(
  vcpu: VmVcpu,
  io: IoQualification,
  translate: ReturnType<VmVcpu["translation"]>,
  linear: bigint,
): string | null {
  const addresses: number[] = [];
  for (let i = 0; i < io.size; i++) {
    const address = translate(linear + BigInt(i));
    if (address === undefined || !vcpu.guestMemory.contains(address, 1)) {
      return `${io.input ? "INS" : "OUTS"} at linear address 0x${linear.toString(16)}, which is not mapped to RAM: this hypervisor does not emulate the page fault.`;
    }
    addresses.push(address);
  }
  if (io.input) {
    const value = vcpu.readPort(io.port, io.size);
    addresses.forEach((address, i) => vcpu.guestMemory.write(address, Uint8Array.of(value >>> (8 * i))));
  } else {
    const value = addresses.reduce(
      (sum, address, i) => sum + vcpu.guestMemory.read(address, 1)[0] * 2 ** (8 * i),
      0,
    );
    vcpu.writePort(io.port, io.size, value);
  }
  return null;
}

/** A register that an instruction of this address size updated: 32-bit results clear the upper half. */
function replaceLow(old: bigint, value: bigint, mask: bigint): bigint {
  return mask === 0xffffn ? (old & ~mask) | (value & mask) : value & mask;
}
