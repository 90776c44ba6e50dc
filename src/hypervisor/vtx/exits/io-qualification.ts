/** Exit qualification of an I/O instruction (SDM 28.2.1, table 28-5). */
export interface IoQualification {
  port: number;
  /** Bytes: 1, 2 or 4. */
  size: number;
  input: boolean;
  /** INS or OUTS. */
  string: boolean;
  rep: boolean;
}

/**
 *     31            16 |    | 6   | 5   | 4      | 3         | 2    0
 *         port         |    | imm | REP | string | direction | size − 1
 */
export function ioQualification(qualification: number): IoQualification {
  return {
    port: qualification >>> 16,
    size: (qualification & 7) + 1,
    input: (qualification & (1 << 3)) !== 0,
    string: (qualification & (1 << 4)) !== 0,
    rep: (qualification & (1 << 5)) !== 0,
  };
}
