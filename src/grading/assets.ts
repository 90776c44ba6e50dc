/** What a grader is given to work with: the same in the page and on the command line. */
export interface GradingAssets {
  /** Compiled `cpu.wasm`. */
  core: WebAssembly.Module;
  /** Compiled QuickJS; without it the interpreter's package finds its own file. */
  quickjs?: WebAssembly.Module;
  /** Image of a built-in guest; of its build for paravirtualisation by `NAME.pv`. */
  guest(name: string): Promise<Uint8Array>;
}
