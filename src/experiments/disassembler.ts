import { Decoder, type Iced } from "../hypervisor/bt/decoder.js";

/** The exports of iced's formatter that are used here. */
interface Formatter extends Iced {
  formatter_new(result: number, syntax: number): void;
  formatter_format(result: number, formatter: number, instruction: number): void;
  formatter_set_hexPrefix(formatter: number, text: number, length: number): void;
  formatter_set_hexSuffix(formatter: number, text: number, length: number): void;
  formatter_set_uppercaseHex(formatter: number, on: number): void;
  formatter_set_spaceAfterOperandSeparator(formatter: number, on: number): void;
  formatter_set_ripRelativeAddresses(formatter: number, on: number): void;
  formatter_set_branchLeadingZeros(formatter: number, on: number): void;
  formatter_set_showBranchSize(formatter: number, on: number): void;
  formatter_set_smallHexNumbersInDecimal(formatter: number, on: number): void;
  formatter_set_memorySizeOptions(formatter: number, option: number): void;
  __wbindgen_free(pointer: number, bytes: number, align: number): void;
}

const SYNTAX_INTEL = 1;
/** Only where nothing else tells the size of a memory operand. */
const MEMORY_SIZE_MINIMAL = 2;

/** Instructions as text, as a reader of the manual would write them: `mov rax, [rsp+8]`. */
export class Disassembler extends Decoder {
  readonly #wasm: Formatter;
  readonly #formatter: number;

  /** @param module - compiled `iced_x86_bg.wasm` of the package */
  constructor(module: WebAssembly.Module) {
    super(module);
    const wasm = (this.#wasm = this.iced as Formatter);
    const result = wasm.__wbindgen_add_to_stack_pointer(-16);
    wasm.formatter_new(result, SYNTAX_INTEL);
    const [formatter, , failed] = new Int32Array(wasm.memory.buffer, result, 3);
    wasm.__wbindgen_add_to_stack_pointer(16);
    if (failed) throw new Error("iced has no formatter");
    this.#formatter = formatter! >>> 0;
    this.#set();
  }

  /** The last instruction. */
  get text(): string {
    const wasm = this.#wasm;
    const result = wasm.__wbindgen_add_to_stack_pointer(-16);
    wasm.formatter_format(result, this.#formatter, this.instruction);
    const [at, length] = new Int32Array(wasm.memory.buffer, result, 2);
    const text = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, at! >>> 0, length));
    wasm.__wbindgen_add_to_stack_pointer(16);
    wasm.__wbindgen_free(at!, length!, 1);
    // iced's own option for this takes a number by its low 32 bits.
    return text.replace(/\b0x([0-9])\b/g, "$1");
  }

  #set(): void {
    const wasm = this.#wasm;
    const at = this.#formatter;
    wasm.formatter_set_hexPrefix(at, ...this.#string("0x"));
    wasm.formatter_set_hexSuffix(at, ...this.#string(""));
    wasm.formatter_set_uppercaseHex(at, 0);
    wasm.formatter_set_spaceAfterOperandSeparator(at, 1);
    wasm.formatter_set_ripRelativeAddresses(at, 0);
    wasm.formatter_set_branchLeadingZeros(at, 0);
    wasm.formatter_set_showBranchSize(at, 0);
    wasm.formatter_set_smallHexNumbersInDecimal(at, 0);
    wasm.formatter_set_memorySizeOptions(at, MEMORY_SIZE_MINIMAL);
  }

  /** A string in the module's memory; the setter takes it over. */
  #string(text: string): [at: number, length: number] {
    const bytes = new TextEncoder().encode(text);
    const at = this.#wasm.__wbindgen_malloc(bytes.length, 1);
    new Uint8Array(this.#wasm.memory.buffer, at, bytes.length).set(bytes);
    return [at, bytes.length];
  }
}
