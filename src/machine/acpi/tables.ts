import { IO_APIC, IRQ_SCI, LOCAL_APIC } from "../../spec/interrupts.js";
import * as P from "../../spec/ports.js";
import type { StartState } from "../start-state.js";
import { definitionBlock } from "./dsdt.js";

/**
 * The ACPI tables that describe the board to an operating system (ACPI specification 6.5, chapter 5).
 * @module
 */

/** Where the tables begin: in the area that is searched for the RSDP (5.2.5.1). */
export const ACPI_TABLES = 0xf_0000;

const HEADER_BYTES = 36;
const RSDP_BYTES = 36;
const ALIGNMENT = 16;
const OEM = "RING-1";
const OEM_TABLE = "BOARD   ";
const CREATOR = "RNG1";

/** Writes little-endian fields at offsets of a table. */
class Table {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(length: number, signature: string, revision: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
    this.text(0, signature).put(4, 4, length).put(8, 1, revision);
    this.text(10, OEM).text(16, OEM_TABLE).put(24, 4, 1).text(28, CREATOR).put(32, 4, 1);
  }
  text(at: number, words: string): this {
    for (let i = 0; i < words.length; i++) this.bytes[at + i] = words.charCodeAt(i);
    return this;
  }
  put(at: number, size: 1 | 2 | 4 | 8, value: number): this {
    if (size === 8) this.#view.setBigUint64(at, BigInt(value), true);
    else if (size === 4) this.#view.setUint32(at, value, true);
    else if (size === 2) this.#view.setUint16(at, value, true);
    else this.#view.setUint8(at, value);
    return this;
  }
  /** Fills in the checksum: all bytes together are 0. */
  finish(): Uint8Array {
    this.bytes[9] = checksum(this.bytes);
    return this.bytes;
  }
}

function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function rootTable(signature: string, entryBytes: 4 | 8, tables: readonly number[]): Uint8Array {
  const table = new Table(HEADER_BYTES + entryBytes * tables.length, signature, 1);
  tables.forEach((address, i) => table.put(HEADER_BYTES + entryBytes * i, entryBytes, address));
  return table.finish();
}

/** A generic address structure (5.2.3.2) for ports: it ends with a 64-bit address. */
function putPorts(table: Table, at: number, base: number, bits: number, accessSize: number): void {
  table
    .put(at, 1, 1)
    .put(at + 1, 1, bits)
    .put(at + 3, 1, accessSize)
    .put(at + 4, 8, base);
}

/** Fixed ACPI description table, 5.2.9. Its SMI command port is 0: ACPI mode cannot be left. */
function fixedTable(dsdt: number): Uint8Array {
  const WBINVD = 1 << 0;
  const C1 = 1 << 2;
  const NO_POWER_BUTTON = 1 << 4;
  const NO_SLEEP_BUTTON = 1 << 5;
  const TIMER_32_BITS = 1 << 8;
  const RESET_REGISTER = 1 << 10;
  const LEGACY_DEVICES = 1 << 0;
  const NO_VGA = 1 << 2;
  const NO_MSI = 1 << 3;
  const NO_C2 = 101;
  const NO_C3 = 1001;
  const table = new Table(244, "FACP", 3)
    .put(40, 4, dsdt)
    .put(46, 2, IRQ_SCI)
    .put(56, 4, P.ACPI_PM1A_EVENT)
    .put(64, 4, P.ACPI_PM1A_CONTROL)
    .put(76, 4, P.ACPI_PM_TIMER)
    .put(88, 1, 4)
    .put(89, 1, 2)
    .put(91, 1, 4)
    .put(96, 2, NO_C2)
    .put(98, 2, NO_C3)
    .put(108, 1, P.RTC_CENTURY)
    .put(109, 2, LEGACY_DEVICES | NO_VGA | NO_MSI)
    .put(112, 4, WBINVD | C1 | NO_POWER_BUTTON | NO_SLEEP_BUTTON | TIMER_32_BITS | RESET_REGISTER)
    .put(128, 1, P.RESET_CONTROL_RESET)
    .put(140, 8, dsdt);
  putPorts(table, 116, P.RESET_CONTROL, 8, 1);
  putPorts(table, 148, P.ACPI_PM1A_EVENT, 32, 2);
  putPorts(table, 172, P.ACPI_PM1A_CONTROL, 16, 2);
  putPorts(table, 208, P.ACPI_PM_TIMER, 32, 3);
  return table.finish();
}

/** Multiple APIC description table, 5.2.12. */
function apicTable(processors: number): Uint8Array {
  const PC_AT_COMPATIBLE = 1;
  const LOCAL_APIC_BYTES = 8;
  const OVERRIDE_BYTES = 10;
  const LEVEL_ACTIVE_HIGH = 0xd;
  const bytes = 44 + LOCAL_APIC_BYTES * processors + 12 + 2 * OVERRIDE_BYTES + 6;
  const table = new Table(bytes, "APIC", 3).put(36, 4, LOCAL_APIC).put(40, 4, PC_AT_COMPATIBLE);
  let at = 44;
  for (let id = 0; id < processors; id++, at += LOCAL_APIC_BYTES) {
    table
      .put(at, 1, 0)
      .put(at + 1, 1, LOCAL_APIC_BYTES)
      .put(at + 2, 1, id)
      .put(at + 3, 1, id)
      .put(at + 4, 4, 1);
  }
  table
    .put(at, 1, 1)
    .put(at + 1, 1, 12)
    .put(at + 2, 1, processors)
    .put(at + 4, 4, IO_APIC);
  at += 12;
  // ISA request, input of the IO-APIC, polarity and trigger mode; 0: those of the bus.
  for (const [request, input, flags] of [
    [0, 2, 0],
    [IRQ_SCI, IRQ_SCI, LEVEL_ACTIVE_HIGH],
  ] as const) {
    table
      .put(at, 1, 2)
      .put(at + 1, 1, OVERRIDE_BYTES)
      .put(at + 3, 1, request)
      .put(at + 4, 4, input)
      .put(at + 8, 2, flags);
    at += OVERRIDE_BYTES;
  }
  // NMI is on LINT1 of all processors.
  table
    .put(at, 1, 4)
    .put(at + 1, 1, 6)
    .put(at + 2, 1, 0xff)
    .put(at + 5, 1, 1);
  return table.finish();
}

/** Root system description pointer, 5.2.5.3. */
function rootPointer(rsdt: number, xsdt: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(Array.from(`RSD PTR \0${OEM}`, (character) => character.charCodeAt(0)));
  view.setUint8(15, 2);
  view.setUint32(16, rsdt, true);
  view.setUint32(20, RSDP_BYTES, true);
  view.setBigUint64(24, BigInt(xsdt), true);
  view.setUint8(8, checksum(bytes.subarray(0, 20)));
  view.setUint8(32, checksum(bytes));
  return bytes;
}

/** All tables, one behind the other, to be placed at {@link ACPI_TABLES}; the RSDP comes first. */
export function acpiTables(processors: number): Uint8Array {
  const aml = definitionBlock(processors);
  const dsdt = new Table(HEADER_BYTES + aml.length, "DSDT", 2);
  dsdt.bytes.set(aml, HEADER_BYTES);
  const placed: { address: number; bytes: Uint8Array }[] = [];
  let end = ACPI_TABLES + Math.ceil(RSDP_BYTES / ALIGNMENT) * ALIGNMENT;
  const place = (bytes: Uint8Array): number => {
    const address = end;
    placed.push({ address, bytes });
    end += Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
    return address;
  };
  const fixed = place(fixedTable(place(dsdt.finish())));
  const tables = [fixed, place(apicTable(processors))];
  const pointer = rootPointer(place(rootTable("RSDT", 4, tables)), place(rootTable("XSDT", 8, tables)));
  const image = new Uint8Array(end - ACPI_TABLES);
  image.set(pointer);
  for (const { address, bytes } of placed) image.set(bytes, address - ACPI_TABLES);
  return image;
}

/** A start on a board whose firmware has left its tables behind. Firmware itself is to make its own. */
export function withTables(state: StartState, ramBytes: number, processors: number): StartState {
  const bytes = acpiTables(processors);
  if (state.startMode === "reset" || ACPI_TABLES + bytes.length > ramBytes) return state;
  return { ...state, segments: [{ address: ACPI_TABLES, bytes }, ...state.segments] };
}
