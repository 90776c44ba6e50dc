/**
 * Where the firmware of boot sectors lies, and what the loader writes into it (bios.s).
 * @module
 */

/** F000:E000, behind the ACPI tables. */
export const BIOS_SEGMENT = 0xf000;
export const BIOS_OFFSET = 0xe000;

/** Labels that the loader needs: offsets in the segment. */
export const BIOS_FIELDS = ["disk_base", "disk_sectors", "regions", "memory_map"] as const;
