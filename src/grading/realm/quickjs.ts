import baseVariant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSWASMModule } from "quickjs-emscripten-core";

/** Pages of 64 KiB that QuickJS starts with; its build asks for no fewer. */
const INITIAL_PAGES = 256;
const PAGE_BYTES = 65536;

/**
 * Starts QuickJS in a wasm instance of its own: no realm meets memory that another one has touched, and addresses and
 * counters start alike each time. The instance's memory is what limits a realm's heap: this build of QuickJS does not
 * know the sizes of its blocks, and its own memory limit counts next to nothing.
 * @param memoryBytes - all memory of the instance, at least 16 MiB
 * @param wasm - the compiled interpreter; without it the package loads its own file beside its code
 */
export function startQuickJs(memoryBytes: number, wasm?: WebAssembly.Module): Promise<QuickJSWASMModule> {
  const wasmMemory = new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: Math.max(INITIAL_PAGES, Math.ceil(memoryBytes / PAGE_BYTES)),
  });
  return newQuickJSWASMModuleFromVariant(
    newVariant(baseVariant, { wasmMemory, ...(wasm && { wasmModule: wasm }) }),
  );
}
