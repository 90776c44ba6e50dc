import {
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  FLAG_AC,
} from "../../spec/control-bits.js";
import { FAULT_USER } from "../../spec/page-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import { ENTRY_IA32E_MODE_GUEST } from "../../spec/vmx-controls.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { GuestPaging } from "../memory/guest-walk.js";
import type { AddressSpace, FaultOutcome } from "../memory/shadow/shadow-memory.js";
import { segmentsFitEntry } from "./segments-fit-entry.js";
import type { VmxPort } from "./vmx-port.js";

/** Bits of CR0 and CR4 that decide about paging or that VMX operation fixes: the guest has its own idea of them. */
const CR0_OWNED = (CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_NW | CR0_CD) >>> 0;
const CR4_OWNED = CR4_VMXE | CR4_PAE | CR4_PSE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
const CR0_DEFINED =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
/** Of CR4, what the processor's own tables obey as the guest's would. */
const CR4_MIRRORED = CR4_PGE | CR4_SMEP | CR4_SMAP;
const EFER_DEFINED = BigInt(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
const CS_LONG = 1 << 13;
/** SDM 4.4.1, table 4-8; MAXPHYADDR is 39. */
const PDPTE_RESERVED = 0xffff_ff80_0000_01e6n;
const ABOVE_PHYSICAL = ~0x7f_ffff_ffffn;
/** With PCIDs, bit 63 of what is moved to CR3 asks to keep translations (SDM 4.10.4.1). */
const KEEP_TRANSLATIONS = 1n << 63n;

/**
 * The registers that decide about paging, of a virtual CPU whose linear addresses the hypervisor translates: the guest's own
 * here, what the processor is to use in the VMCS. Without "unrestricted guest" the processor has paging on whatever the guest
 * has (SDM 27.3.1.1). In IA-32e mode it walks four levels; outside it PAE tables serve every paging mode, since their entries have
 * room for machine addresses and NX.
 */
export class ShadowRegisters {
  /** The guest's. */
  cr3 = 0n;
  efer = 0;
  #pdptes: readonly bigint[] = [0n, 0n, 0n, 0n];
  /** The guest has been in real-address mode, and its segments may still be such that no VM entry takes them. */
  #interpreted = false;

  constructor(
    private readonly port: VmxPort,
    private readonly space: AddressSpace,
    private readonly guestMemory: GuestMemory,
  ) {}

  /** The guest-state area has just been filled with a start state: what is the guest's is taken from it. */
  begin(): void {
    const { port } = this;
    this.cr3 = port.vmread(F.GUEST_CR3);
    this.efer = port.vmread32(F.GUEST_IA32_EFER);
    this.#interpreted = (port.vmread32(F.CR0_READ_SHADOW) & CR0_PE) === 0;
    port.vmwrite(F.CR0_GUEST_HOST_MASK, BigInt(CR0_OWNED));
    port.vmwrite(F.CR4_GUEST_HOST_MASK, BigInt(CR4_OWNED));
    this.#apply();
  }

  /**
   * Without "unrestricted guest" the processor has protection on in every guest: real-address mode, and what follows it until
   * segments have been loaded, is interpreted.
   */
  get enterable(): boolean {
    if (this.#interpreted && this.protected) this.#interpreted = !segmentsFitEntry(this.port);
    return !this.#interpreted;
  }
  get protected(): boolean {
    return (this.port.vmread32(F.CR0_READ_SHADOW) & CR0_PE) !== 0;
  }

  get cr0(): number {
    return visible(this.port, F.GUEST_CR0, CR0_OWNED, F.CR0_READ_SHADOW);
  }
  get cr4(): number {
    return visible(this.port, F.GUEST_CR4, CR4_OWNED, F.CR4_READ_SHADOW);
  }
  get paging(): GuestPaging {
    const paging = { cr0: this.cr0, cr3: this.cr3, cr4: this.cr4, efer: this.efer };
    return usesPdptes(paging) ? { ...paging, pdptes: this.#pdptes } : paging;
  }

  /** What MOV to CR0 does (SDM 4.1.2, 9.8.5); false where it raises #GP(0). */
  setCr0(value: bigint): boolean {
    if (value >> 32n !== 0n) return false;
    const old = this.cr0;
    const cr0 = ((Number(value) & CR0_DEFINED) | CR0_ET) >>> 0;
    if ((cr0 & CR0_PG) !== 0 && (cr0 & CR0_PE) === 0) return false;
    if ((cr0 & CR0_NW) !== 0 && (cr0 & CR0_CD) === 0) return false;
    const starting = (cr0 & ~old & CR0_PG) !== 0;
    if (starting && !this.#mayStartPaging()) return false;
    const { cr4 } = this;
    if ((old & ~cr0 & CR0_PG) !== 0 && (this.#in64BitMode() || (cr4 & CR4_PCIDE) !== 0)) return false;
    const long = (cr0 & CR0_PG) !== 0 && (this.efer & EFER_LME) !== 0;
    const efer = long ? this.efer | EFER_LMA : this.efer & ~EFER_LMA;
    const reload = ((cr0 ^ old) & (CR0_CD | CR0_NW | CR0_PG)) !== 0;
    if (reload && !this.#loadPdptes({ cr0, cr4, efer, cr3: this.cr3 })) return false;
    this.efer = efer;
    this.#interpreted ||= (cr0 & CR0_PE) === 0;
    this.port.vmwrite(F.GUEST_CR0, BigInt(cr0));
    this.port.vmwrite(F.CR0_READ_SHADOW, BigInt(cr0));
    if (((cr0 ^ old) & (CR0_PG | CR0_WP | CR0_PE)) !== 0) this.#apply();
    else this.#forceCr0();
    return true;
  }

  /** MOV to CR3: an address space that may be known already. Global pages stay in the TLB. */
  setCr3(value: bigint): boolean {
    const cr4 = this.cr4;
    const cr3 = (cr4 & CR4_PCIDE) !== 0 ? value & ~KEEP_TRANSLATIONS : value;
    if ((this.efer & EFER_LMA) !== 0 && (cr3 & ABOVE_PHYSICAL) !== 0n) return false;
    if (!this.#loadPdptes({ cr0: this.cr0, cr4, efer: this.efer, cr3 })) return false;
    this.cr3 = cr3;
    this.#load();
    this.port.invvpid(true);
    return true;
  }

  setCr4(value: bigint, supported: number): boolean {
    const old = this.cr4;
    if ((value & ~BigInt(supported)) !== 0n) return false;
    const cr4 = Number(value);
    const long = (this.efer & EFER_LMA) !== 0;
    if (long && (cr4 & CR4_PAE) === 0) return false;
    if ((cr4 & ~old & CR4_PCIDE) !== 0 && (!long || (this.cr3 & 0xfffn) !== 0n)) return false;
    const reload = ((cr4 ^ old) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) !== 0;
    if (reload && !this.#loadPdptes({ cr0: this.cr0, cr4, efer: this.efer, cr3: this.cr3 })) return false;
    this.port.vmwrite(F.GUEST_CR4, value);
    this.port.vmwrite(F.CR4_READ_SHADOW, value);
    this.#apply();
    return true;
  }

  /** WRMSR of IA32_EFER (SDM 2.2.1): LMA follows CR0.PG, LME is fixed while paging is on. */
  setEfer(value: bigint): boolean {
    if ((value & ~EFER_DEFINED) !== 0n) return false;
    const efer = Number(value);
    if (((efer ^ this.efer) & EFER_LME) !== 0 && (this.cr0 & CR0_PG) !== 0) return false;
    this.efer = (efer & ~EFER_LMA) | (this.efer & EFER_LMA);
    this.#apply();
    return true;
  }

  /** A page fault of the guest, of which it knows nothing yet. */
  fault(linear: bigint, errorCode: number): FaultOutcome {
    const level = (this.port.vmread32(F.GUEST_SS_ACCESS_RIGHTS) >> 5) & 3;
    const implicit = (errorCode & FAULT_USER) === 0 && level === 3;
    const accessControl = !implicit && (this.port.vmread32(F.GUEST_RFLAGS) & FLAG_AC) !== 0;
    return this.space.fault({ linear, errorCode, accessControl });
  }

  /** INVLPG: a large page that the hypervisor had split may have been changed since the last one. */
  splitPageChanged(): boolean {
    return this.space.splitPageChanged();
  }

  /** The guest's own paging, for the emulator; the PDPTE registers where there are any. */
  get emulation(): { cr0: number; cr3: bigint; cr4: number; efer: number; pdptes: readonly bigint[] } {
    return { cr0: this.cr0, cr3: this.cr3, cr4: this.cr4, efer: this.efer, pdptes: this.#pdptes };
  }
  /** After an exit from emulation, which saved the guest's own registers where the processor's belong. */
  restore(): void {
    this.#apply();
  }

  /** SDM 10.8.5. */
  #mayStartPaging(): boolean {
    if ((this.efer & EFER_LME) === 0) return true;
    const tss16 = (this.port.vmread32(F.GUEST_TR_ACCESS_RIGHTS) & 0xd) === 1;
    const cs64 = (this.port.vmread32(F.GUEST_CS_ACCESS_RIGHTS) & CS_LONG) !== 0;
    return (this.cr4 & CR4_PAE) !== 0 && !cs64 && !tss16;
  }
  #in64BitMode(): boolean {
    const cs64 = (this.port.vmread32(F.GUEST_CS_ACCESS_RIGHTS) & CS_LONG) !== 0;
    return cs64 && (this.efer & EFER_LMA) !== 0;
  }

  /** False where PAE paging finds a reserved bit in a present PDPTE (SDM 4.4.1). */
  #loadPdptes(paging: GuestPaging): boolean {
    if (!usesPdptes(paging)) return true;
    const table = Number(paging.cr3 & 0xffff_ffe0n);
    const entries = [0, 8, 16, 24].map((at) =>
      this.guestMemory.contains(table + at, 8) ? this.guestMemory.read64(table + at) : ~0n,
    );
    if (entries.some((entry) => (entry & 1n) !== 0n && (entry & PDPTE_RESERVED) !== 0n)) return false;
    this.#pdptes = entries;
    return true;
  }

  /** What the processor uses while the guest runs; everything cached goes. */
  #apply(): void {
    const { port } = this;
    const long = (this.efer & EFER_LMA) !== 0;
    const paged = (this.cr0 & CR0_PG) !== 0;
    const own = port.vmread32(F.GUEST_CR4) & ~CR4_OWNED;
    this.#forceCr0();
    port.vmwrite(F.GUEST_CR4, BigInt(own | CR4_VMXE | CR4_PAE | (paged ? this.cr4 & CR4_MIRRORED : 0)));
    // NX is always there, so that error codes tell of fetches.
    const mode = long ? EFER_LME | EFER_LMA : 0;
    port.vmwrite(F.GUEST_IA32_EFER, BigInt((this.efer & EFER_SCE) | EFER_NXE | mode));
    const entry = port.vmread32(F.ENTRY_CONTROLS) & ~ENTRY_IA32E_MODE_GUEST;
    port.vmwrite(F.ENTRY_CONTROLS, BigInt(entry | (long ? ENTRY_IA32E_MODE_GUEST : 0)));
    this.#load();
    port.invvpid();
  }

  /** Paging on, and write protection that no ring escapes. */
  #forceCr0(): void {
    const own = this.port.vmread32(F.GUEST_CR0) & ~CR0_OWNED;
    this.port.vmwrite(F.GUEST_CR0, BigInt((own | CR0_PE | CR0_PG | CR0_WP | CR0_NE) >>> 0));
  }

  #load(): void {
    const hardware = (this.efer & EFER_LMA) !== 0 ? "4-level" : "pae";
    this.port.vmwrite(F.GUEST_CR3, BigInt(this.space.load(this.paging, hardware)));
  }
}

function usesPdptes({ cr0, cr4, efer }: GuestPaging): boolean {
  return (cr0 & CR0_PG) !== 0 && (cr4 & CR4_PAE) !== 0 && (efer & EFER_LMA) === 0;
}

/** A control register as the guest reads it: bits that the hypervisor owns come from the read shadow (SDM 25.6.6). */
function visible(port: VmxPort, field: number, owned: number, shadow: number): number {
  return ((port.vmread32(field) & ~owned) | (port.vmread32(shadow) & owned)) >>> 0;
}
