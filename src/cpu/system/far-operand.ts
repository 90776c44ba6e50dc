/**
 * ptr16:16 and ptr16:32 of a direct far JMP or CALL, as the decoder leaves them: the offset in imm, the selector in disp.
 * The forms with a memory operand have 3 or 5 in ModRM.reg, the direct ones have no ModRM.
 */
import { opDisp, opImm, opReg } from '../op';

@inline export function farTargetIsImmediate(op: usize): bool { return opReg(op) == 0; }
@inline export function farImmediateSelector(op: usize): u32 { return <u32>opDisp(op) & 0xffff; }
@inline export function farImmediateOffset(op: usize): u64 { return <u64>opImm(op) & 0xffff_ffff; }
