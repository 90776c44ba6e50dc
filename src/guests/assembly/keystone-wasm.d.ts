/** What we use of the package, whose own declarations its `exports` hide. */
declare module "keystone-wasm" {
  export const Const: { KS_ARCH_X86: number; KS_MODE_64: number; KS_ERR_OK: number };
  /** One wasm instance for all handles; calling it again does nothing. */
  export function loadKeystone(options: {
    wasmBinary?: ArrayBuffer;
    print?: (text: string) => void;
    printErr?: (text: string) => void;
  }): Promise<void>;
  export class Keystone {
    constructor(arch: number, mode: number);
    asm(text: string, options: { address: number }): Uint8Array;
    errNo(): number;
    close(): void;
    static strError(code: number): string;
  }
}
