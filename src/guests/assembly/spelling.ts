import type { Constants } from "./constants.js";
import { replaceNames } from "./statements.js";
import type { Statement } from "./statements.js";

/** A register that an address can be made of. RIZ is none: it stands for an index that is not there. */
const REGISTER = /\b(?:[re](?:[a-d]x|[sd]i|[sb]p|ip|iz)|r\d+d?)\b/i;

const NEAR_CALL = /^call\s+([A-Za-z_.][\w.$]*)$/i;

/**
 * A statement of GNU `as` as keystone understands it.
 *
 * Constants become numbers, since keystone adds up symbols wrong in an address and takes `-NAME` for memory. `offset`
 * goes: a bare label is an immediate to keystone. An address without a register gets RIZ, else keystone makes it
 * relative to RIP, and wrong. What GNU `as` calls `sysretq` is `sysret`. In 16-bit mode CALL and RET would move
 * the stack by four bytes. (Jumps beyond 127 bytes get 32-bit distances there, and are right.)
 * @param next label of the statement after this one
 */
export function spelledForKeystone(
  { kind, code, bits }: Statement,
  constants: Constants,
  next: string,
): string {
  if (kind !== "code") return code;
  const words = replaceNames(code, (name) => {
    if (name.toLowerCase() === "offset") return "";
    if (name.toLowerCase() === "sysretq") return "sysret";
    return constants.get(name) ?? name;
  });
  if (bits === 16 && /^ret$/i.test(words)) return ".byte 0xc3";
  const called = bits === 16 ? NEAR_CALL.exec(words)?.[1] : undefined;
  if (called !== undefined) return `.byte 0xe8\n.word ${called} - ${next}`;
  if (bits !== 64) return words;
  return words.replace(/\[([^\]]*)\]/g, (whole, address: string) =>
    REGISTER.test(address) ? whole : `[riz * 1 + ${address}]`,
  );
}
