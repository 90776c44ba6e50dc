import * as K from "../../spec/call-outs.js";
import { CS } from "../../spec/cpu-state.js";
import * as B from "./block.js";
import { Block } from "./block.js";
import { callOutOperand } from "./call-out-operand.js";
import * as C from "./classes.js";
import { Code, RAX, RCX, RDX } from "./code.js";
import { DECODER_BYTES, type Decoder } from "./decoder.js";
import { isFarForm, opcodeOffset, operandSize, rexOffset } from "./encoding.js";
import { FLOW, MNEMONIC as M, OP_KIND, REGISTER } from "./iced-numbers.js";
import * as L from "./layout.js";
import { emitLoggedStore, storeForm } from "./logged-store.js";
import { operandOf } from "./operand.js";

/** Guest code as the translator sees it. */
export interface CodeSource {
  /**
   * Code from a guest address on: at most `bytes`, fewer where the rest cannot be fetched.
   * @param pages - takes the pages that it is on
   */
  fetch(rip: number, bytes: number, pages: Block["pages"]): Uint8Array;
  /** Linear address of the table of indirect jumps of 64-bit code, if 32 bits hold it; else null. */
  readonly shortTable: number | null;
  /** Guest addresses of instructions that are to be carried out in software. */
  readonly software: ReadonlySet<number>;
  /** Those that store beyond the end of a page. */
  readonly crossing: ReadonlySet<number>;
}

/** What a translation is made of; {@link Translator.translate} leaves it in the cache's hands. */
export interface Translation {
  block: Block;
  code: Code;
  /** By the offset behind the INT. */
  callOuts: Map<number, B.CallOut>;
}

/** Guest instructions of a block at most, and code that is looked at for it. */
const MOST_INSTRUCTIONS = 48;
const FETCHED = 256;
const CS_PREFIX = 0x2e;
const GS_PREFIX = 0x65;
const NOP3 = [0x0f, 0x1f, 0x00];
const JUMP_BYTES = 5;
const RESTORE_BYTES = 7;
const CALL_OUT_BYTES = 2;
const fits32 = (value: number): boolean => value >= -0x8000_0000 && value <= 0x7fff_ffff;

/**
 * Makes code for ring 1 out of a guest kernel's, one stretch at a time: from an address to the first jump that is always taken,
 * past conditional ones. Most instructions are copied as they are. What they leave at each place of the translation is noted
 * in pieces (block.ts), so that the guest's state can be told wherever it is interrupted.
 */
export class Translator {
  readonly #code = new Code();
  #block!: Block;
  #callOuts = new Map<number, B.CallOut>();
  #bytes: Uint8Array = new Uint8Array();
  /** Where the present instruction is in them, and its guest address, and that of the next. */
  #from = 0;
  #rip = 0;
  #next = 0;
  #afterSti = false;
  /** Conditional jumps whose exits are still to be put behind the block. */
  #taken: { condition: number; target: number; rip: number }[] = [];
  /** Constants that PUSH needs in memory: offset of the displacement, and value. */
  #literals: { at: number; value: number }[] = [];

  constructor(
    private readonly decoder: Decoder,
    private readonly source: CodeSource,
  ) {}

  // #region bt-translate
  /**
   * Translates from `rip` on.
   * @param start - offset in the cache where the translation will be
   * @param most - instructions; with 1 it leaves the cache at its end whatever it is
   */
  translate(rip: number, bits: 32 | 64, start: number, most = MOST_INSTRUCTIONS): Translation {
    const code = this.#code;
    const block = (this.#block = new Block(rip, bits, start));
    this.#begin(bits, start);
    this.#bytes = this.source.fetch(rip, Math.min(FETCHED, DECODER_BYTES), block.pages);
    this.decoder.begin(bits, this.#bytes, BigInt(rip));
    this.#from = 0;
    this.#rip = this.#next = rip;
    for (let count = 0; ; count++) {
      block.piece(code.at, this.#rip, this.#afterSti ? B.AFTER_STI : 0);
      block.starts.push(code.at);
      this.#afterSti = false;
      if (count === most || this.#from + 16 > FETCHED) {
        this.#exit(this.#rip);
        break;
      }
      if (!this.#decode()) break;
      block.count++;
      if (!this.#instruction(most === 1)) break;
      this.#from += this.#next - this.#rip;
      this.#rip = this.#next;
    }
    this.#finish();
    return { block, code, callOuts: this.#callOuts };
  }
  // #endregion

  #begin(bits: 32 | 64, start: number): void {
    this.#code.begin(bits, start);
    this.#code.shortTable = this.source.shortTable;
    this.#callOuts = new Map();
    this.#taken = [];
    this.#literals = [];
    this.#afterSti = false;
  }

  /** False where the instruction cannot be fetched. */
  #decode(): boolean {
    const { decoder } = this;
    if (this.#from < this.#bytes.length) {
      decoder.next();
      const { length } = decoder;
      this.#next = this.#rip + length;
      if (this.#block.bits === 32) this.#next = (this.#next & 0xffff_ffff) >>> 0;
      if (this.#from + length <= this.#bytes.length) return true;
    }
    this.#callOut(K.CALL_OUT_FETCH, false, this.#bytes.length - this.#from);
    return false;
  }

  // #region bt-instruction
  /** @returns whether the block goes on behind the instruction */
  #instruction(alone: boolean): boolean {
    const { decoder } = this;
    const { mnemonic } = decoder;
    const kind = C.CLASS_OF[mnemonic]!;
    if ((kind === C.IDENTICAL || mnemonic === M.Mov) && this.#storesInCache()) return true;
    if (kind === C.IDENTICAL) {
      if (decoder.flow === FLOW.ConditionalBranch) return this.#conditional();
      return this.#identical();
    }
    if (kind === C.EMULATED_IN_CACHE) return this.#inCache(mnemonic, alone);
    if (kind === C.BRANCH) return mnemonic === M.Ret ? this.#return(alone) : this.#loop();
    if (kind === C.BY_OPERAND) return this.#byOperand(mnemonic, alone);
    return this.#leave(kind);
  }
  // #endregion

  /** As it is, unless its data is found relative to RIP, or in 32-bit code through a segment that is not the guest's here. */
  #identical(): boolean {
    const { decoder } = this;
    if (decoder.mnemonic === M.INVALID) {
      this.#code.byte(0x0f, 0x0b);
      return false;
    }
    if (this.#block.bits === 32 && this.#throughGsOrCs()) return this.#segmented();
    if (this.#block.bits === 64 && decoder.isIpRelative) this.#relative();
    else this.#code.copy(this.#bytes, this.#from, this.#from + decoder.length);
    return true;
  }

  /** GS is the cache's own in 32-bit code, and CS its code: the instruction is executed by itself, with GS leading where it wants. */
  #segmented(): boolean {
    const bytes = this.#instructionBytes();
    const segment = this.decoder.segmentPrefix - REGISTER.ES;
    const prefix = bytes.indexOf(CS_PREFIX);
    if (segment === CS && prefix >= 0) bytes[prefix] = GS_PREFIX;
    return this.#callOut(K.CALL_OUT_SEGMENTED, true, { bytes, segment });
  }

  /**
   * An instruction that faulted too often stores to a page table (adaptive translation). From now on it does so in the cache, where
   * it can; else the monitor looks at it before it is executed.
   */
  #storesInCache(): boolean {
    const { decoder } = this;
    if (!this.source.software.has(this.#rip) || decoder.firstKind !== OP_KIND.Memory) return false;
    const { bits } = this.#block;
    const operand = operandOf(decoder, 0, bits);
    const callOut = (): void => void this.#callOut(K.CALL_OUT_EMULATE, true, operand);
    const form =
      bits === 64 && !this.source.crossing.has(this.#rip) ? storeForm(this.#instructionBytes()) : null;
    if (form === null) callOut();
    else
      emitLoggedStore(form, {
        code: this.#code,
        block: this.#block,
        rip: this.#rip,
        next: this.#next,
        callOut,
      });
    return form !== null;
  }

  #throughGsOrCs(): boolean {
    const segment = this.decoder.segmentPrefix;
    return segment === REGISTER.GS || segment === REGISTER.CS;
  }

  #instructionBytes(): Uint8Array {
    return this.#bytes.slice(this.#from, this.#from + this.decoder.length);
  }

  /**
   * The same operand without RIP: by its address, where 32 bits hold it (mod 00, SIB without base), else by a pointer in RSI, or in
   * RDI for an instruction that names RSI.
   */
  #relative(): void {
    const { decoder } = this;
    const code = this.#code;
    const address = Number(BigInt.asIntN(64, decoder.ipRelativeAddress));
    const bytes = this.#instructionBytes();
    const at = decoder.displacementOffset;
    if (fits32(address)) {
      code.copy(bytes, 0, at - 1);
      code.byte((bytes[at - 1]! & 0xf8) | 4, 0x25);
      code.dword(address | 0);
      code.copy(bytes, at + 4, bytes.length);
      return;
    }
    const namesRsi = [decoder.firstRegister, decoder.secondRegister].some((register) => isRsi(register));
    const pointer = namesRsi ? 7 : 6;
    const restore = namesRsi ? B.RESTORE_RDI : B.RESTORE_RSI;
    code.save(pointer, L.SAVED_POINTER);
    this.#block.piece(code.at, this.#rip, restore);
    code.constant(pointer, BigInt(address));
    const rex = rexOffset(bytes);
    if (rex >= 0) bytes[rex]! &= ~1;
    bytes[at - 1] = (bytes[at - 1]! & 0x38) | pointer;
    code.copy(bytes, 0, at);
    code.copy(bytes, at + 4, bytes.length);
    this.#block.piece(code.at, this.#next, restore);
    code.restore(pointer, L.SAVED_POINTER);
  }

  // #region bt-conditional
  /** Two exits, of which the one that is not taken is the rest of the block. */
  #conditional(): boolean {
    const code = this.#code;
    const opcode = this.#bytes[this.#from + this.decoder.length - 2]!;
    const near = this.decoder.length >= 6 ? this.#bytes[this.#from + this.decoder.length - 5]! : opcode;
    code.byte(0x0f, 0x80 | (near & 15));
    this.#taken.push({ condition: code.at, target: this.#target(), rip: this.#rip });
    code.dword(0);
    return true;
  }
  // #endregion

  /** LOOP and JRCXZ reach 128 bytes: over a jump to their exit. */
  #loop(): boolean {
    const code = this.#code;
    code.copy(this.#bytes, this.#from, this.#from + this.decoder.length - 1);
    code.byte(2, 0xeb, JUMP_BYTES);
    this.#exit(this.#target());
    return true;
  }

  #jump(): boolean {
    this.#exit(this.#target());
    return false;
  }

  /** The guest's return address goes onto the stack, never one of the cache. */
  #call(): boolean {
    this.#push(this.#next);
    this.#exit(this.#target());
    return false;
  }

  /** The target goes into RAX, and from there through the table of what is translated. */
  #indirect(call: boolean, alone: boolean): boolean {
    const code = this.#code;
    code.save(RAX, L.SAVED_RAX);
    this.#block.piece(code.at, this.#rip, B.RESTORE_RAX);
    this.#loadTarget();
    if (call) {
      this.#block.piece(code.at, this.#rip, B.RESTORE_RAX);
      this.#push(this.#next);
    }
    return this.#lookUp(alone);
  }

  #return(alone: boolean): boolean {
    const code = this.#code;
    const bytes = this.#block.bits / 8;
    code.save(RAX, L.SAVED_RAX);
    this.#block.piece(code.at, this.#rip, B.RESTORE_RAX);
    code.byte(0x58);
    if (this.decoder.operands > 0) {
      this.#block.piece(code.at, this.#rip, B.RESTORE_RAX, -bytes);
      if (code.bits === 64) code.byte(0x48);
      code.byte(0x8d, 0xa4, 0x24);
      code.dword(this.decoder.immediate16);
    }
    return this.#lookUp(alone);
  }

  // #region bt-look-up
  /** The table's index is 16 bits of the address; what it leads to compares the rest. No flag is touched on the way. */
  #lookUp(alone: boolean): boolean {
    const code = this.#code;
    const block = this.#block;
    const target = B.TARGET_IN_RAX | B.RESTORE_RAX;
    block.piece(code.at, this.#rip, target);
    if (alone) return this.#callOut(K.CALL_OUT_LOOK_UP, false, null);
    code.save(RCX, L.SAVED_RCX);
    block.piece(code.at, this.#rip, target | B.RESTORE_RCX);
    if (code.usesRdx) {
      code.save(RDX, L.SAVED_RDX);
      block.piece(code.at, this.#rip, target | B.RESTORE_RCX | B.RESTORE_RDX);
    }
    code.jumpThroughTable();
    return false;
  }
  // #endregion

  #target(): number {
    const { branchTarget } = this.decoder;
    return this.#block.bits === 64
      ? Number(BigInt.asIntN(64, branchTarget))
      : Number(branchTarget & 0xffff_ffffn);
  }

  #push(value: number): void {
    const code = this.#code;
    if (code.bits === 32 || fits32(value)) return code.push(value);
    code.pushFrom(0);
    this.#literals.push({ at: code.at - 4, value });
  }

  /** MOV RAX, r/m of the indirect jump. */
  #loadTarget(): void {
    const { decoder } = this;
    const code = this.#code;
    if (code.bits === 64 && decoder.isIpRelative) {
      code.constant(RAX, BigInt.asIntN(64, decoder.ipRelativeAddress));
      code.byte(0x48, 0x8b, 0x00);
      return;
    }
    const bytes = this.#instructionBytes();
    const opcode = opcodeOffset(bytes, code.bits);
    const rex = code.bits === 64 ? rexOffset(bytes) : -1;
    code.copy(bytes, 0, rex >= 0 ? rex : opcode);
    if (code.bits === 64) code.byte((rex >= 0 ? bytes[rex]! & 3 : 0) | 0x48);
    code.byte(0x8b, bytes[opcode + 1]! & 0xc7);
    code.copy(bytes, opcode + 2, bytes.length);
  }

  #byOperand(mnemonic: number, alone: boolean): boolean {
    const { decoder } = this;
    const first = decoder.firstKind === OP_KIND.Register ? decoder.firstRegister : 0;
    const second =
      decoder.operands > 1 && decoder.secondKind === OP_KIND.Register ? decoder.secondRegister : 0;
    switch (mnemonic) {
      case M.Jmp:
      case M.Call:
        return this.#jumpOrCall(mnemonic === M.Call, alone);
      case M.In:
        return this.#portRead();
      case M.Mov:
        return this.#move(first, second);
      default:
        return this.#stackSegment(mnemonic, first);
    }
  }

  #jumpOrCall(call: boolean, alone: boolean): boolean {
    const { decoder } = this;
    const { firstKind, flow } = decoder;
    const far = call ? K.CALL_OUT_FAR_CALL : K.CALL_OUT_FAR_JUMP;
    if (firstKind === OP_KIND.FarBranch16 || firstKind === OP_KIND.FarBranch32)
      return this.#callOut(far, false, { ...decoder.farTarget, wide: firstKind === OP_KIND.FarBranch32 });
    if (flow === FLOW.UnconditionalBranch) return this.#jump();
    if (flow === FLOW.Call) return this.#call();
    if (firstKind === OP_KIND.Memory && isFarForm(this.#instructionBytes(), this.#block.bits))
      return this.#callOut(far, false, {
        operand: operandOf(decoder, 0, this.#block.bits),
        size: this.#operandSize(),
      });
    if (this.#block.bits === 32 && firstKind === OP_KIND.Memory && this.#throughGsOrCs())
      return this.#callOut(K.CALL_OUT_REFUSED, false, null);
    return this.#indirect(call, alone);
  }

  /** MOV with a control, debug or segment register (of the seventeen of Robin and Irvine, 2000). */
  #move(first: number, second: number): boolean {
    const { bits } = this.#block;
    if (second >= REGISTER.CR0 && second < REGISTER.DR0) return this.#readControl(second - REGISTER.CR0);
    if (first >= REGISTER.CR0 && first < REGISTER.DR0)
      return this.#writeControl(first - REGISTER.CR0, second);
    if (isDebug(first) || isDebug(second)) {
      const number = (isDebug(first) ? first : second) - REGISTER.DR0;
      const register = operandOf(this.decoder, isDebug(first) ? 1 : 0, bits);
      return this.#callOut(K.CALL_OUT_DEBUG_REGISTER, true, { number, register, write: isDebug(first) });
    }
    if (isSegment(first))
      return this.#segmentLoad(first - REGISTER.ES, {
        kind: "load",
        source: operandOf(this.decoder, 1, bits),
      });
    if (isSegment(second) && !this.#readsTrue(second))
      return this.#callOut(K.CALL_OUT_SEGMENT, true, {
        segment: second - REGISTER.ES,
        kind: "store",
        target: operandOf(this.decoder, 0, bits),
        size: this.#operandSize(),
      });
    return this.#identical();
  }

  /** Selectors of data segments are the guest's own; that of CS is not, that of SS tells the ring, and in 32-bit code GS is ours. */
  #readsTrue(register: number): boolean {
    if (register === REGISTER.CS || register === REGISTER.SS) return false;
    return this.#block.bits === 64 || register !== REGISTER.GS;
  }

  #stackSegment(mnemonic: number, register: number): boolean {
    if (!isSegment(register)) return this.#identical();
    const segment = register - REGISTER.ES;
    if (mnemonic === M.Pop) return this.#segmentLoad(segment, { kind: "pop", size: this.#operandSize() });
    if (this.#readsTrue(register)) return this.#identical();
    return this.#callOut(K.CALL_OUT_SEGMENT, true, { segment, kind: "push", size: this.#operandSize() });
  }

  #segmentLoad(segment: number, what: object): boolean {
    return this.#callOut(K.CALL_OUT_SEGMENT, true, { segment, ...what });
  }

  // #region bt-flags
  /** CLI, STI, PUSHF and POPF: a byte of the state page is the guest's IF. */
  #inCache(mnemonic: number, alone: boolean): boolean {
    const code = this.#code;
    // What they see and set of TF is the guest's, who may be stepping.
    if (alone && mnemonic !== M.Cli && mnemonic !== M.Sti)
      return this.#callOut(K.CALL_OUT_FLAGS, true, { mnemonic, size: this.#operandSize() });
    switch (mnemonic) {
      case M.Cli:
        code.setByte(L.VIRTUAL_IF, 0);
        return true;
      case M.Sti:
        code.setByte(L.VIRTUAL_IF, 2);
        this.#askForInterrupts(L.INTERRUPT_WAITS, B.AFTER_STI);
        this.#afterSti = true;
        return true;
      // #endregion
      case M.Pushf:
      case M.Pushfd:
      case M.Pushfq:
        this.#pushFlags(mnemonic === M.Pushf ? 2 : this.#block.bits / 8);
        return true;
      default:
        this.#popFlags(mnemonic === M.Popf ? 2 : this.#block.bits / 8);
        this.#askForInterrupts(L.INTERRUPT_WAITS, 0);
        return true;
    }
  }

  /** What the processor pushes has IF = 1 and IOPL = 0: the guest's are added to its second byte, less the IF that is there. */
  #pushFlags(size: number): void {
    const code = this.#code;
    code.copy(this.#bytes, this.#from, this.#from + this.decoder.length);
    this.#restartable(size, B.RESTORE_RAX | B.RESTORE_RCX, [RAX, RCX]);
    this.#stackByte(0xb6, RAX, 1);
    code.restoreByte(RCX, L.VIRTUAL_IF);
    code.byte(0x8d, 0x44, 0x08, 0xfe); // LEA EAX, [RAX + RCX − 2]
    code.restoreByte(RCX, L.VIRTUAL_IOPL);
    code.byte(0x8d, 0x04, 0x08); // LEA EAX, [RAX + RCX]
    code.byte(0x88, 0x44, 0x24, 0x01); // MOV [RSP + 1], AL
    this.#restoreAfter([RCX, RAX]);
  }

  /** At ring 1 POPF leaves IF and IOPL alone: they are taken from what it popped, which is still below the stack pointer. */
  #popFlags(size: number): void {
    const code = this.#code;
    code.copy(this.#bytes, this.#from, this.#from + this.decoder.length);
    this.#restartable(-size, B.RESTORE_RAX | B.RESTORE_RCX | B.RESTORE_RDX | B.IN_POPF, [RAX, RCX, RDX]);
    this.#stackByte(0xb6, RAX, 1 - size);
    code.addressOf(RCX, L.CONSTANTS);
    code.tableByte(RDX, RCX, RAX, L.ONLY_IF);
    code.saveByte(RDX, L.VIRTUAL_IF);
    code.tableByte(RDX, RCX, RAX, L.ONLY_IOPL);
    code.saveByte(RDX, L.VIRTUAL_IOPL);
    this.#restoreAfter([RDX, RCX, RAX]);
  }

  /** A call-out if something waits for the guest to let it in. */
  #askForInterrupts(field: number, state: number): void {
    const code = this.#code;
    const block = this.#block;
    block.piece(code.at, this.#next, state);
    code.save(RCX, L.SAVED_RCX);
    block.piece(code.at, this.#next, state | B.RESTORE_RCX);
    code.restoreByte(RCX, field);
    code.jumpUnlessOne(RESTORE_BYTES + CALL_OUT_BYTES);
    code.restore(RCX, L.SAVED_RCX);
    this.#callOut(K.CALL_OUT_INTERRUPT, true, state === B.AFTER_STI);
    block.piece(code.at, this.#next, state | B.RESTORE_RCX);
    code.restore(RCX, L.SAVED_RCX);
  }

  /** MOV from CR0, CR2, CR3, CR4 and CR8: a field of the state page. */
  #readControl(number: number): boolean {
    const field = CONTROL_FIELDS[number];
    const register = this.decoder.firstRegister;
    const target = register - (this.#block.bits === 64 ? REGISTER.RAX : REGISTER.EAX);
    if (field === undefined || target < 0) return this.#callOut(K.CALL_OUT_REFUSED, true, null);
    const code = this.#code;
    // REX.R names R8 to R15: the bytes are those of Code.restore with it.
    const at = code.length;
    code.restore(target & 7, field);
    if (target > 7) code.bytes[at] = 0x4c;
    return true;
  }

  /** MOV to CR8 stores the task priority; when an interrupt waits for a lower one, or the value is not one, it leaves the cache. */
  #writeControl(number: number, register: number): boolean {
    const operand = { number, register: register - (this.#block.bits === 64 ? REGISTER.RAX : REGISTER.EAX) };
    if (number === 8 && this.#block.bits === 64) return this.#writePriority(operand);
    return this.#callOut(K.CALL_OUT_WRITE_CR, number === 8, operand);
  }

  #writePriority(operand: { number: number; register: number }): boolean {
    const code = this.#code;
    const block = this.#block;
    const all = B.RESTORE_RAX | B.RESTORE_RCX | B.RESTORE_RDX;
    this.#restartable(0, all, [RAX, RCX, RDX]);
    code.move(RDX, operand.register);
    code.byte(0x0f, 0xb6, 0xc2); // MOVZX EAX, DL
    code.addressOf(RCX, L.CONSTANTS);
    code.tableByte(RAX, RCX, RAX, L.PRIORITY);
    // RCX: 0 if the value is what the table has for its byte, and nothing waits.
    code.byte(0x48, 0xf7, 0xd0); // NOT RAX
    code.restoreByte(RCX, L.PRIORITY_WAITS);
    code.byte(0x48, 0x8d, 0x4c, 0x01, 0x01); // LEA RCX, [RCX + RAX + 1]
    code.byte(0x48, 0x8d, 0x0c, 0x11); // LEA RCX, [RCX + RDX]
    const plain = code.jumpIfRcxIsZero();
    let saved = all;
    for (const register of [RDX, RCX, RAX]) {
      code.restore(register, FIELD_OF[register]!);
      block.piece(code.at, this.#rip, (saved &= ~RESTORE_OF[register]!));
    }
    this.#callOut(K.CALL_OUT_WRITE_CR, true, operand);
    block.piece(code.at, this.#next);
    const end = code.jumpShort();
    code.landShort(plain);
    block.piece(code.at, this.#rip, all);
    code.save(RDX, L.VIRTUAL_CR8);
    this.#restoreAfter([RDX, RCX, RAX]);
    code.landShort(end);
    return true;
  }

  // #region bt-port
  /** A port whose value is known needs no device. */
  #portRead(): boolean {
    const { decoder } = this;
    const code = this.#code;
    const known = decoder.secondKind === OP_KIND.Immediate8 && decoder.immediate8 === L.KNOWN_PORT;
    if (!known || decoder.firstRegister !== REGISTER.AL) return this.#leave(K.CALL_OUT_PORT);
    // IN waits for what was stored before it (SDM Vol. 1, 19.6).
    code.fence();
    code.restoreAl(L.PORT_VALUE);
    return true;
  }
  // #endregion

  /** MOVZX of a byte on the stack. */
  #stackByte(opcode: number, register: number, displacement: number): void {
    this.#code.byte(0x0f, opcode, 0x44 | (register << 3), 0x24, displacement & 0xff);
  }

  /** From here to the end of the instruction the guest is begun anew from before it; registers are free to be used. */
  #restartable(adjustment: number, state: number, registers: readonly number[]): void {
    const code = this.#code;
    let saved = state & ~(B.RESTORE_RAX | B.RESTORE_RCX | B.RESTORE_RDX);
    for (const register of registers) {
      this.#block.piece(code.at, this.#rip, saved, adjustment);
      code.save(register, FIELD_OF[register]!);
      saved |= RESTORE_OF[register]!;
    }
    this.#block.piece(code.at, this.#rip, saved, adjustment);
  }

  /** The instruction is done but for the registers used. */
  #restoreAfter(registers: readonly number[]): void {
    let saved = registers.reduce((sum, register) => sum | RESTORE_OF[register]!, 0);
    for (const register of registers) {
      this.#block.piece(this.#code.at, this.#next, saved);
      this.#code.restore(register, FIELD_OF[register]!);
      saved &= ~RESTORE_OF[register]!;
    }
    this.#block.piece(this.#code.at, this.#next, saved);
  }

  /** Operand size of the instruction in bytes. */
  #operandSize(): 2 | 4 | 8 {
    return operandSize(this.#instructionBytes(), this.#block.bits);
  }

  /** Instructions that always leave the cache. */
  #leave(kind: number): boolean {
    const instruction = { decoder: this.decoder, bytes: this.#instructionBytes(), bits: this.#block.bits };
    return this.#callOut(kind, !ENDING.has(kind), callOutOperand(kind, instruction));
  }

  /** @returns `goesOn` */
  #callOut(kind: number, goesOn: boolean, operand: unknown): boolean {
    const code = this.#code;
    const block = this.#block;
    code.callOut();
    const { mnemonic } = this.decoder;
    const at = code.at;
    block.callOuts.push(at);
    this.#callOuts.set(at, {
      kind,
      block,
      rip: this.#rip,
      next: this.#next,
      resume: goesOn ? at : 0,
      mnemonic,
      operand,
    });
    return goesOn;
  }

  /** A jump to another block: until there is one, a call-out of the same length. */
  #exit(target: number, condition = 0): void {
    const code = this.#code;
    const block = this.#block;
    const exit: B.Exit = { at: code.at, condition, target, block, linked: null };
    block.piece(code.at, target);
    block.exits.push(exit);
    code.callOut();
    code.byte(...NOP3);
    block.callOuts.push(exit.at + 2);
    this.#callOuts.set(exit.at + 2, {
      kind: K.CALL_OUT_TRANSLATE,
      block,
      rip: this.#rip,
      next: target,
      resume: 0,
      mnemonic: 0,
      operand: exit,
    });
  }

  /** Behind the block: exits of conditional jumps, and constants. */
  #finish(): void {
    const code = this.#code;
    const block = this.#block;
    if (block.starts.length === block.count) block.starts.push(code.at);
    for (const { condition, target, rip } of this.#taken) {
      patch(code, condition, code.at - (condition + 4));
      this.#rip = rip;
      this.#exit(target, condition);
    }
    block.codeEnd = code.at;
    for (const { at, value } of this.#literals) {
      patch(code, at, code.at - (at + 4));
      code.qword(BigInt(value));
    }
    block.end = code.at;
    block.length = this.#next > block.rip ? this.#next - block.rip : 1;
    block.source = this.#bytes.slice(0, block.length);
  }
}

const CONTROL_FIELDS: Readonly<Record<number, number>> = {
  0: L.VIRTUAL_CR0,
  2: L.VIRTUAL_CR2,
  3: L.VIRTUAL_CR3,
  4: L.VIRTUAL_CR4,
  8: L.VIRTUAL_CR8,
};
const FIELD_OF: Readonly<Record<number, number>> = { 0: L.SAVED_RAX, 1: L.SAVED_RCX, 2: L.SAVED_RDX };
const RESTORE_OF: Readonly<Record<number, number>> = { 0: B.RESTORE_RAX, 1: B.RESTORE_RCX, 2: B.RESTORE_RDX };

/** Call-outs behind which the guest goes on somewhere else, or as somebody else. */
const ENDING = new Set<number>([
  K.CALL_OUT_HLT,
  K.CALL_OUT_IRET,
  K.CALL_OUT_INT,
  K.CALL_OUT_SYSCALL,
  K.CALL_OUT_SYSRET,
  K.CALL_OUT_SYSEXIT,
  K.CALL_OUT_FAR_RETURN,
  K.CALL_OUT_WRITE_CR,
  K.CALL_OUT_REFUSED,
]);

function patch(code: Code, at: number, value: number): void {
  for (let i = 0; i < 4; i++) code.bytes[at - code.start + i] = (value >> (8 * i)) & 0xff;
}

function isSegment(register: number): boolean {
  return register >= REGISTER.ES && register <= REGISTER.GS;
}
function isDebug(register: number): boolean {
  return register >= REGISTER.DR0 && register < REGISTER.DR0 + 16;
}
/** RSI, ESI, SI or SIL, by iced's number. */
function isRsi(register: number): boolean {
  return [REGISTER.RAX + 6, REGISTER.EAX + 6, REGISTER.AX + 6, REGISTER.SPL + 2].includes(register);
}
