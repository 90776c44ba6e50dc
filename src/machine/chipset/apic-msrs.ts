import { LOCAL_APIC } from "../../spec/interrupts.js";
import { IA32_APIC_BASE, IA32_TSC_DEADLINE, IA32_X2APIC_FIRST, IA32_X2APIC_LAST } from "../../spec/msrs.js";
import { PHYSICAL_ADDRESS_BITS } from "../../spec/page-bits.js";
import { APIC_BASE_BSP, type LocalApic } from "./local-apic.js";

/**
 * The MSRs of a local APIC: IA32_APIC_BASE (SDM Vol. 3, 11.4.4), IA32_TSC_DEADLINE and the registers of x2APIC mode.
 * @module
 */

const PAGE = 0xfffn;
/** Bits 7:0 and 9. */
const RESERVED = 0x2ffn;

export class ApicMsrs {
  #base = BigInt(LOCAL_APIC);

  constructor(private readonly apic: LocalApic) {}

  /** Machine-physical address of the registers, null while they are not in the memory map. */
  get page(): number | null {
    return this.apic.memoryMapped ? Number(this.#base) : null;
  }

  /** IA32_APIC_BASE. */
  get apicBase(): bigint {
    return this.#base | BigInt(this.apic.mode);
  }

  /** RDMSR. Undefined: no such register. */
  read(index: number): bigint | undefined {
    if (index === IA32_APIC_BASE) return this.apicBase;
    if (index === IA32_TSC_DEADLINE) return this.apic.deadline;
    return isX2apic(index) ? this.apic.readMsr(index - IA32_X2APIC_FIRST) : undefined;
  }

  /** WRMSR. False: no such register, or it does not take this value. */
  write(index: number, value: bigint): boolean {
    if (index === IA32_APIC_BASE) return this.#writeBase(value);
    if (index === IA32_TSC_DEADLINE) {
      this.apic.deadline = value;
      return true;
    }
    return isX2apic(index) && this.apic.writeMsr(index - IA32_X2APIC_FIRST, value);
  }

  /** The bootstrap flag is read-only. */
  #writeBase(value: bigint): boolean {
    if (value & RESERVED || value >> BigInt(PHYSICAL_ADDRESS_BITS)) return false;
    if (!this.apic.setMode(Number(value & PAGE) & ~APIC_BASE_BSP)) return false;
    this.#base = value & ~PAGE;
    return true;
  }

  snapshot(): { base: bigint } {
    return { base: this.#base };
  }
  restore(state: { base: bigint }): void {
    this.#base = state.base;
  }
}

function isX2apic(index: number): boolean {
  return index >= IA32_X2APIC_FIRST && index <= IA32_X2APIC_LAST;
}
