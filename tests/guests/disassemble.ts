import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";

/** An instruction as an independent decoder reads it. */
export interface Disassembled {
  /** Intel syntax, with addresses relative to RIP worked out. */
  text: string;
  /** Bytes; 0 for what is no instruction. */
  length: number;
}

const formatter = new Formatter(FormatterSyntax.Intel);

/**
 * The instruction at the beginning of some bytes.
 * @param address where the first byte lies
 */
export function disassemble(bits: 32 | 64, bytes: Uint8Array, address: number): Disassembled {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const result = {
    text: formatter.format(instruction),
    length: instruction.isInvalid ? 0 : instruction.length,
  };
  instruction.free();
  decoder.free();
  return result;
}
