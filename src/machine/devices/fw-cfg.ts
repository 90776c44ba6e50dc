import type { Device } from "../bus.js";

/**
 * The firmware configuration device of QEMU's machines (docs/specs/fw_cfg.rst), without its DMA interface: numbered items,
 * each a string of bytes that is read from a port.
 * @module
 */

/** Offsets from port 510H: the selector, 16 bits; the next byte of the selected item. */
const SELECTOR = 0;
const DATA = 1;

/** Items. */
const SIGNATURE = 0x00;
const INTERFACE_VERSION = 0x01;
const RAM_SIZE = 0x03;
const PROCESSORS = 0x05;
const MOST_PROCESSORS = 0x0f;
const FILE_DIRECTORY = 0x19;
const FIRST_FILE = 0x20;
/** Items of the architecture repeat above this bit. */
const ITEM = 0xbfff;

const NAME_BYTES = 56;
const FILE_ENTRY_BYTES = 8 + NAME_BYTES;

/** What firmware or a test suite asks for. */
export interface FwCfgContents {
  ramBytes: number;
  processors: number;
  /** By name, e.g. "etc/e820". */
  files: ReadonlyMap<string, Uint8Array>;
}

export interface FwCfgState {
  selector: number;
  position: number;
}

export class FwCfg {
  /** 2 ports. */
  readonly device: Device = {
    read: (offset, size) => this.#read(offset, size),
    write: (offset, size, value) => {
      if (offset === SELECTOR && size === 2) this.#state = { selector: value & ITEM, position: 0 };
    },
  };
  readonly #items: ReadonlyMap<number, Uint8Array>;
  #state: FwCfgState = { selector: 0, position: 0 };

  constructor(contents: FwCfgContents) {
    const files = [...contents.files];
    this.#items = new Map<number, Uint8Array>([
      [SIGNATURE, text("QEMU")],
      [INTERFACE_VERSION, little(1, 4)],
      [RAM_SIZE, little(contents.ramBytes, 8)],
      [PROCESSORS, little(contents.processors, 2)],
      [MOST_PROCESSORS, little(contents.processors, 2)],
      [FILE_DIRECTORY, directory(files)],
      ...files.map(([, bytes], i): [number, Uint8Array] => [FIRST_FILE + i, bytes]),
    ]);
  }

  /** Beyond its end an item reads as zeros. */
  #read(offset: number, size: number): number {
    let value = 0;
    for (let i = offset; i < offset + size; i++) {
      if (i === DATA)
        value |= (this.#items.get(this.#state.selector)?.[this.#state.position++] ?? 0) << (8 * (i - offset));
    }
    return value >>> 0;
  }

  snapshot(): FwCfgState {
    return { ...this.#state };
  }
  restore(state: FwCfgState): void {
    this.#state = { ...state };
  }
}

const text = (words: string): Uint8Array => Uint8Array.from(words, (character) => character.charCodeAt(0));

function little(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

/** Count, then for each file: size, item, reserved, name. Numbers are big-endian here. */
function directory(files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + files.length * FILE_ENTRY_BYTES));
  const bytes = new Uint8Array(view.buffer);
  view.setUint32(0, files.length);
  files.forEach(([name, contents], i) => {
    const at = 4 + i * FILE_ENTRY_BYTES;
    view.setUint32(at, contents.length);
    view.setUint16(at + 4, FIRST_FILE + i);
    bytes.set(text(name).subarray(0, NAME_BYTES - 1), at + 8);
  });
  return bytes;
}
