import type { LocalInterrupts } from "../../machine/peripherals.js";
import * as M from "../../spec/msrs.js";
import type { VirtualPins } from "../io/virtual-pins.js";
import type { BtCpu } from "./virtual-cpu.js";
import { writeEfer } from "./control-registers.js";
import { canonical } from "./guest-linear.js";

interface Msr {
  read(): bigint;
  /** False: #GP. */
  write(value: bigint): boolean;
}

const FEATURE_CONTROL_LOCKED = 1n;
const fits32 = (value: bigint): boolean => value >> 32n === 0n;

/** The virtual processor's MSRs. What the processor needs while the guest runs is in its own. */
export class BtMsrs {
  readonly #msrs: ReadonlyMap<number, Msr>;

  constructor(
    cpu: BtCpu,
    private readonly local: LocalInterrupts,
    pins: VirtualPins,
  ) {
    const { state, port } = cpu;
    const field = <K extends string>(of: Record<K, bigint>, name: K, accepts = (_: bigint) => true): Msr => ({
      read: () => of[name],
      write: (value) => {
        if (!accepts(value)) return false;
        of[name] = value;
        return true;
      },
    });
    const hardware = (index: number): Msr => ({
      read: () => port.rdmsr(index) ?? 0n,
      write: (value) => port.wrmsr(index, value),
    });
    const constant = (value: bigint): Msr => ({ read: () => value, write: () => false });
    const misc = { value: port.rdmsr(M.IA32_MISC_ENABLE) ?? 0n };
    const revision = { value: port.rdmsr(M.IA32_BIOS_SIGN_ID) ?? 0n };
    this.#msrs = new Map<number, Msr>([
      [M.IA32_TIME_STAMP_COUNTER, timeStampCounter(cpu, local, pins)],
      [M.IA32_EFER, { read: () => BigInt(state.efer), write: (value) => writeEfer(cpu, value) }],
      [M.IA32_STAR, field(state, "star")],
      [M.IA32_LSTAR, field(state, "lstar", canonical)],
      [M.IA32_CSTAR, field(state, "cstar", canonical)],
      [M.IA32_FMASK, field(state, "fmask", fits32)],
      [M.IA32_FS_BASE, hardware(M.IA32_FS_BASE)],
      [M.IA32_GS_BASE, { read: () => cpu.gsBase, write: (value) => cpu.setGsBase(value) }],
      [M.IA32_KERNEL_GS_BASE, field(state, "kernelGsBase", canonical)],
      [M.IA32_TSC_AUX, hardware(M.IA32_TSC_AUX)],
      [M.IA32_SYSENTER_CS, field(state.sysenter, "cs", fits32)],
      [M.IA32_SYSENTER_ESP, field(state.sysenter, "esp", canonical)],
      [M.IA32_SYSENTER_EIP, field(state.sysenter, "eip", canonical)],
      [M.IA32_PAT, field(state, "pat", validPat)],
      [M.IA32_FEATURE_CONTROL, constant(FEATURE_CONTROL_LOCKED)],
      [M.IA32_MTRRCAP, constant(0n)],
      [M.IA32_MCG_CAP, constant(0n)],
      [M.IA32_BIOS_SIGN_ID, field(revision, "value")],
      [M.IA32_MISC_ENABLE, field(misc, "value")],
      [M.IA32_DEBUGCTL, { read: () => 0n, write: (value) => value === 0n }],
    ]);
  }

  read(index: number): bigint | undefined {
    return this.#msrs.get(index)?.read() ?? this.local.msrs.read(index);
  }
  write(index: number, value: bigint): boolean {
    return this.#msrs.get(index)?.write(value) ?? this.local.msrs.write(index, value);
  }
}

/** SDM 12.12.2: each byte is one of the six memory types. */
function validPat(value: bigint): boolean {
  return Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)).every((type) =>
    [0, 1, 4, 5, 6, 7].includes(type),
  );
}

/** RDTSC is not trapped: the processor's own counter is the guest's. */
function timeStampCounter(cpu: BtCpu, local: LocalInterrupts, pins: VirtualPins): Msr {
  const now = (): bigint => cpu.port.rdmsr(M.IA32_TIME_STAMP_COUNTER) ?? 0n;
  return {
    read: now,
    write: (value) => {
      pins.timeStampAdjust += BigInt.asIntN(64, value - now());
      cpu.port.wrmsr(M.IA32_TIME_STAMP_COUNTER, value);
      local.apic.timeStampChanged();
      return true;
    },
  };
}
