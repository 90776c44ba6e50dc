import * as K from "../../spec/call-outs.js";
import { MNEMONIC as M } from "./iced-numbers.js";

// #region bt-classes
/** How an instruction is translated. */
export const IDENTICAL = 0;
/** One of {@link IN_CACHE}: a few instructions on the state page. */
export const EMULATED_IN_CACHE = 1;
/** A control transfer within the code segment. */
export const BRANCH = 2;
/** What depends on the operands: MOV, PUSH, POP, IN, JMP, CALL. */
export const BY_OPERAND = 3;
/** Everything else leaves the cache: the numbers of spec/call-outs. */

const IN_CACHE = [M.Cli, M.Sti, M.Pushf, M.Pushfd, M.Pushfq, M.Popf, M.Popfd, M.Popfq] as const;
const BRANCHES = [M.Loop, M.Loope, M.Loopne, M.Jcxz, M.Jecxz, M.Jrcxz, M.Ret] as const;
const BY_OPERANDS = [M.Mov, M.Push, M.Pop, M.In, M.Jmp, M.Call] as const;
// #endregion

/** Privileged instructions, and those that are sensitive though any program may execute them (figures, section 7). */
const CALL_OUTS: readonly (readonly [number, readonly number[]])[] = [
  [K.CALL_OUT_HLT, [M.Hlt]],
  [K.CALL_OUT_PORT, [M.Out]],
  [K.CALL_OUT_STRING_PORT, [M.Insb, M.Insw, M.Insd, M.Outsb, M.Outsw, M.Outsd]],
  [K.CALL_OUT_IRET, [M.Iret, M.Iretd, M.Iretq]],
  [K.CALL_OUT_INT, [M.Int, M.Int1, M.Int3, M.Into]],
  [K.CALL_OUT_SYSCALL, [M.Syscall, M.Sysenter]],
  [K.CALL_OUT_SYSRET, [M.Sysret, M.Sysretq]],
  [K.CALL_OUT_SYSEXIT, [M.Sysexit, M.Sysexitq]],
  [K.CALL_OUT_FAR_RETURN, [M.Retf]],
  [K.CALL_OUT_LOAD_TABLE, [M.Lgdt, M.Lidt, M.Lldt, M.Ltr]],
  [K.CALL_OUT_STORE_TABLE, [M.Sgdt, M.Sidt, M.Sldt, M.Str, M.Smsw]],
  [K.CALL_OUT_WRITE_CR, [M.Lmsw, M.Clts]],
  [K.CALL_OUT_INVLPG, [M.Invlpg, M.Invpcid]],
  [K.CALL_OUT_RDMSR, [M.Rdmsr]],
  [K.CALL_OUT_WRMSR, [M.Wrmsr]],
  [K.CALL_OUT_CPUID, [M.Cpuid]],
  [K.CALL_OUT_SWAPGS, [M.Swapgs]],
  [K.CALL_OUT_SEGMENT, [M.Lds, M.Les, M.Lfs, M.Lgs, M.Lss]],
  [K.CALL_OUT_INSPECT, [M.Lar, M.Lsl, M.Verr, M.Verw]],
  [K.CALL_OUT_XSETBV, [M.Xsetbv]],
  [K.CALL_OUT_ACCESS_CONTROL, [M.Stac, M.Clac]],
  [K.CALL_OUT_NOTHING, [M.Invd, M.Wbinvd, M.Wbnoinvd]],
  [K.CALL_OUT_REFUSED, [M.Vmcall, M.Rdpmc, M.Monitor, M.Mwait, M.Rsm, M.Getsec]],
];

function table(): Uint16Array {
  const classes = new Uint16Array(2048);
  for (const mnemonic of IN_CACHE) classes[mnemonic] = EMULATED_IN_CACHE;
  for (const mnemonic of BRANCHES) classes[mnemonic] = BRANCH;
  for (const mnemonic of BY_OPERANDS) classes[mnemonic] = BY_OPERAND;
  for (const [kind, mnemonics] of CALL_OUTS) for (const mnemonic of mnemonics) classes[mnemonic] = kind;
  return classes;
}

/** By mnemonic. */
export const CLASS_OF: Readonly<Uint16Array> = table();
