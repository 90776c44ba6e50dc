/**
 * The translator's decoder: iced-x86 (MIT), rather than our own instruction table. That table makes a decoder that lives in the
 * processor's wasm, below the silicon line, and knows only what this processor implements, where a translator must know the
 * length and the kind of everything. iced's wasm is driven directly: its JavaScript wrapper is CommonJS for Node, makes an
 * object for each instruction, and could not be loaded in a page's worker; the module itself needs nothing from its host.
 * What the translator emits is few forms, for which an encoder would be more words than their bytes (emitter.ts).
 */

/** The exports used, by the names that wasm-bindgen gave them; a pointer is the address of a Rust value. */
export interface Iced {
  memory: WebAssembly.Memory;
  __wbindgen_add_to_stack_pointer(bytes: number): number;
  __wbindgen_malloc(bytes: number, align: number): number;
  decoder_new(result: number, bits: number, bytes: number, length: number, options: number): void;
  decoder_set_position(result: number, decoder: number, position: number): void;
  decoder_set_ip(decoder: number, ip: bigint): void;
  decoder_decodeOut(decoder: number, instruction: number): void;
  decoder_getConstantOffsets(decoder: number, instruction: number): number;
  constantoffsets_displacementOffset(offsets: number): number;
  constantoffsets_displacementSize(offsets: number): number;
  __wbg_constantoffsets_free(offsets: number): void;
  instruction_new(): number;
  instruction_length(instruction: number): number;
  instruction_mnemonic(instruction: number): number;
  instruction_flowControl(instruction: number): number;
  instruction_nearBranchTarget(instruction: number): bigint;
  instruction_isIpRelMemoryOperand(instruction: number): number;
  instruction_ipRelMemoryAddress(instruction: number): bigint;
  instruction_segmentPrefix(instruction: number): number;
  instruction_op0Kind(instruction: number): number;
  instruction_op1Kind(instruction: number): number;
  instruction_op0Register(instruction: number): number;
  instruction_op1Register(instruction: number): number;
  instruction_memoryBase(instruction: number): number;
  instruction_memoryIndex(instruction: number): number;
  instruction_memoryIndexScale(instruction: number): number;
  instruction_memoryDisplacement(instruction: number): bigint;
  instruction_memorySegment(instruction: number): number;
  instruction_immediate8(instruction: number): number;
  instruction_immediate16(instruction: number): number;
  instruction_farBranch32(instruction: number): number;
  instruction_farBranch16(instruction: number): number;
  instruction_farBranchSelector(instruction: number): number;
  instruction_opCount(instruction: number): number;
  instruction_code(instruction: number): number;
}

/** SDM Vol. 2, 2.3.11. */
export const LONGEST_INSTRUCTION = 15;
/** The longest piece of code that is decoded at a time. */
export const DECODER_BYTES = 1024;

/** A decoder of iced, and the copy of the code that it reads. */
interface Reader {
  pointer: number;
  bytes: number;
  buffer: Uint8Array;
}

/** Decodes one instruction at a time; the getters speak of the last one. Numbers are those of {@link ./iced-numbers}. */
export class Decoder {
  /** The module's exports, and the address of the last instruction, for who formats it. */
  protected readonly iced: Iced;
  protected readonly instruction: number;
  readonly #decoders = new Map<number, Reader>();
  #decoder: Reader;

  /** @param module - compiled `iced_x86_bg.wasm` of the package */
  constructor(module: WebAssembly.Module) {
    const unused = (): never => {
      throw new Error("the decoder asked for something of JavaScript");
    };
    const imports: WebAssembly.ModuleImports = {};
    for (const { name } of WebAssembly.Module.imports(module)) imports[name] = unused;
    const instance = new WebAssembly.Instance(module, { __wbindgen_placeholder__: imports });
    this.iced = instance.exports as unknown as Iced;
    this.instruction = this.iced.instruction_new();
    this.#decoder = this.#decoderFor(64);
  }

  /**
   * Goes to the beginning of a piece of code.
   * @param code - at most {@link DECODER_BYTES}; an instruction whose {@link length} leads beyond its end is not all there
   * @param ip - where it is in the guest's code segment
   */
  begin(bits: 32 | 64, code: Uint8Array, ip: bigint): void {
    const iced = this.iced;
    const decoder = (this.#decoder = this.#decoderFor(bits));
    if (decoder.buffer.length === 0)
      decoder.buffer = new Uint8Array(iced.memory.buffer, decoder.bytes, DECODER_BYTES);
    decoder.buffer.set(code);
    decoder.buffer.fill(0, code.length, Math.min(code.length + LONGEST_INSTRUCTION, DECODER_BYTES));
    const result = iced.__wbindgen_add_to_stack_pointer(-16);
    iced.decoder_set_position(result, decoder.pointer, 0);
    iced.__wbindgen_add_to_stack_pointer(16);
    iced.decoder_set_ip(decoder.pointer, ip);
  }

  /** Decodes the next instruction. */
  next(): void {
    this.iced.decoder_decodeOut(this.#decoder.pointer, this.instruction);
  }

  get length(): number {
    return this.iced.instruction_length(this.instruction);
  }
  get mnemonic(): number {
    return this.iced.instruction_mnemonic(this.instruction);
  }
  get flow(): number {
    return this.iced.instruction_flowControl(this.instruction);
  }
  /** Of a direct jump or call; as iced gives it, unsigned. */
  get branchTarget(): bigint {
    return BigInt.asUintN(64, this.iced.instruction_nearBranchTarget(this.instruction));
  }
  get isIpRelative(): boolean {
    return this.iced.instruction_isIpRelMemoryOperand(this.instruction) !== 0;
  }
  get ipRelativeAddress(): bigint {
    return BigInt.asUintN(64, this.iced.instruction_ipRelMemoryAddress(this.instruction));
  }
  /** Of the memory operand's displacement; 0: it has none. */
  get displacementOffset(): number {
    const offsets = this.iced.decoder_getConstantOffsets(this.#decoder.pointer, this.instruction);
    const offset = this.iced.constantoffsets_displacementOffset(offsets);
    this.iced.__wbg_constantoffsets_free(offsets);
    return offset;
  }
  get segmentPrefix(): number {
    return this.iced.instruction_segmentPrefix(this.instruction);
  }
  get operands(): number {
    return this.iced.instruction_opCount(this.instruction);
  }
  get firstKind(): number {
    return this.iced.instruction_op0Kind(this.instruction);
  }
  get secondKind(): number {
    return this.iced.instruction_op1Kind(this.instruction);
  }
  get firstRegister(): number {
    return this.iced.instruction_op0Register(this.instruction);
  }
  get secondRegister(): number {
    return this.iced.instruction_op1Register(this.instruction);
  }
  get memory(): { segment: number; base: number; index: number; scale: number; displacement: bigint } {
    const iced = this.iced;
    const at = this.instruction;
    return {
      segment: iced.instruction_memorySegment(at),
      base: iced.instruction_memoryBase(at),
      index: iced.instruction_memoryIndex(at),
      scale: iced.instruction_memoryIndexScale(at),
      displacement: BigInt.asUintN(64, iced.instruction_memoryDisplacement(at)),
    };
  }
  get immediate8(): number {
    return this.iced.instruction_immediate8(this.instruction) & 0xff;
  }
  get immediate16(): number {
    return this.iced.instruction_immediate16(this.instruction) & 0xffff;
  }
  get farTarget(): { selector: number; offset16: number; offset32: number } {
    return {
      selector: this.iced.instruction_farBranchSelector(this.instruction) & 0xffff,
      offset16: this.iced.instruction_farBranch16(this.instruction) & 0xffff,
      offset32: this.iced.instruction_farBranch32(this.instruction) >>> 0,
    };
  }

  #decoderFor(bits: number): Reader {
    let decoder = this.#decoders.get(bits);
    if (decoder === undefined) this.#decoders.set(bits, (decoder = this.#newDecoder(bits)));
    return decoder;
  }

  #newDecoder(bits: number): Reader {
    const iced = this.iced;
    const bytes = iced.__wbindgen_malloc(DECODER_BYTES, 1);
    const result = iced.__wbindgen_add_to_stack_pointer(-16);
    iced.decoder_new(result, bits, bytes, DECODER_BYTES, 0);
    const [pointer, , failed] = new Int32Array(iced.memory.buffer, result, 3);
    iced.__wbindgen_add_to_stack_pointer(16);
    if (failed) throw new Error(`no decoder for ${bits} bits`);
    return {
      pointer: pointer! >>> 0,
      bytes,
      buffer: new Uint8Array(iced.memory.buffer, bytes, DECODER_BYTES),
    };
  }
}
