import type { Constants } from "./constants.js";
import { replaceNames } from "./statements.js";
import type { Statement } from "./statements.js";

/** A register that an address can be made of. RIZ is none: it stands for an index that is not there. */
const REGISTER = /\b(?:[re](?:[a-d]x|[sd]i|[sb]p|ip|iz)|r\d+d?)\b/i;

/**
 * A statement of GNU `as` as keystone understands it.
 *
 * Constants become numbers, since keystone adds up symbols wrong in an address and takes `-NAME` for memory. `offset`
 * goes: a bare label is an immediate to keystone. An address without a register gets RIZ, else keystone makes it
 * relative to RIP, and wrong. What GNU `as` calls `sysretq` is `sysret`.
 */
export function spelledForKeystone({ kind, code, bits }: Statement, constants: Constants): string {
  if (kind !== "code") return code;
  const words = replaceNames(code, (name) => {
    if (name.toLowerCase() === "offset") return "";
    if (name.toLowerCase() === "sysretq") return "sysret";
    return constants.get(name) ?? name;
  });
  if (bits === 32) return words;
  return words.replace(/\[([^\]]*)\]/g, (whole, address: string) =>
    REGISTER.test(address) ? whole : `[riz * 1 + ${address}]`,
  );
}
