import { IRQ_RTC, IRQ_SERIAL_COM1, PCI_MEMORY, PCI_MEMORY_END } from "../../spec/interrupts.js";
import * as P from "../../spec/ports.js";
import * as A from "./aml.js";

const HID = "_HID";
const UID = "_UID";
const CRS = "_CRS";

/** SLP_TYP of soft-off for PM1a and PM1b (7.4.2.6). */
const softOff = A.name("\\_S5", A.packageOf(A.integer(0), A.integer(0), A.integer(0), A.integer(0)));

/** The host bridge, and what it leaves to the bus: ports but its own, memory below the IO-APIC. */
const pciRoot = A.device(
  "PCI0",
  A.name(HID, A.eisaId("PNP0A03")),
  A.name(UID, A.integer(0)),
  A.name("_ADR", A.integer(0)),
  A.name("_BBN", A.integer(0)),
  A.name(
    CRS,
    A.resources(
      A.busWindow(0, 0xff),
      A.ioPorts(P.PCI_CONFIGURATION, 8),
      A.portWindow(0, P.PCI_CONFIGURATION - 1),
      A.portWindow(P.PCI_CONFIGURATION + 8, 0xffff),
      A.memoryWindow(PCI_MEMORY, PCI_MEMORY_END - 1),
    ),
  ),
  // No device has an interrupt pin to be routed.
  A.name("_PRT", A.packageOf()),
);

const serialPort = A.device(
  "COM1",
  A.name(HID, A.eisaId("PNP0501")),
  A.name(UID, A.integer(1)),
  A.name(CRS, A.resources(A.ioPorts(P.SERIAL_COM1, 8), A.interruptRequest(IRQ_SERIAL_COM1))),
);

const realTimeClock = A.device(
  "RTC_",
  A.name(HID, A.eisaId("PNP0B00")),
  A.name(CRS, A.resources(A.ioPorts(P.RTC, 2), A.interruptRequest(IRQ_RTC))),
);

/** 8.4: a processor device, found again in the MADT by its UID. */
const processor = (id: number): A.Aml =>
  A.device(
    `CPU${id.toString(16).toUpperCase()}`,
    A.name(HID, A.string("ACPI0007")),
    A.name(UID, A.integer(id)),
  );

/** The definition block of the DSDT for so many processors. */
export function definitionBlock(processors: number): Uint8Array {
  const devices = Array.from({ length: processors }, (_, id) => processor(id));
  return Uint8Array.from([...softOff, ...A.scope("\\_SB", pciRoot, serialPort, realTimeClock, ...devices)]);
}
