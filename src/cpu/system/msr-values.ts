/**
 * Which values an MSR takes, for WRMSR and for the fields that VM entry and exit load into MSRs.
 */
/** IA32_PAT: each byte is a memory type of table 12-10 (SDM Vol. 3, 12.12.2). */
export function validPat(value: u64): bool {
  for (let i = 0; i < 8; i++) {
    const type = <u32>(value >> (8 * i)) & 0xff;
    if (type > 7 || type == 2 || type == 3) return false;
  }
  return true;
}
