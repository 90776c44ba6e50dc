import type { Device } from "../bus.js";

/**
 * The host bridge of an Intel 440FX (82441FX datasheet 290549) and the configuration mechanism of its ports
 * (PCI Local Bus 2.1, 3.7.4.1). Nothing else is on the bus.
 * @module
 */

/** Offsets from port CF8H: address, the reset control register within it, data. */
const ADDRESS = 0;
const RESET_CONTROL = 1;
const DATA = 4;
/** Ports of all. */
export const PCI_CONFIGURATION_PORTS = 8;

const ENABLE = 0x8000_0000;
/** Bus, device and function in bits 23:8. */
const FUNCTION = 0x00ff_ff00;
const REGISTER = 0xfc;

/** Standard header: vendor 8086H, device 1237H, revision 2, class 06 00 00 (host bridge). */
const IDENTIFICATION = 0x1237_8086;
const COMMAND = 4;
/** Memory and bus-master enable are fixed. */
const COMMAND_AND_STATUS = 0x0280_0006;
const CLASS_AND_REVISION = 0x0600_0002;
/** Registers of the device itself from here on: kept as written. */
const DEVICE_REGISTERS = 0x40;
const CONFIGURATION_BYTES = 256;

export interface PciHostState {
  address: number;
  configuration: number[];
}

export class PciHost {
  /** 8 ports. */
  readonly device: Device = {
    read: (offset, size) => this.#read(offset, size),
    write: (offset, size, value) => this.#write(offset, size, value),
  };
  #address = 0;
  readonly #configuration = new DataView(new ArrayBuffer(CONFIGURATION_BYTES));

  /** @param resetControl - answers byte accesses to port CF9H */
  constructor(private readonly resetControl: Device) {
    this.#configuration.setUint32(0, IDENTIFICATION, true);
    this.#configuration.setUint32(COMMAND, COMMAND_AND_STATUS, true);
    this.#configuration.setUint32(8, CLASS_AND_REVISION, true);
  }

  /** The register that the address names, null where no function answers. */
  get #register(): number | null {
    return this.#address >>> 31 === 1 && (this.#address & FUNCTION) === 0 ? this.#address & REGISTER : null;
  }

  #read(offset: number, size: number): number {
    if (offset === RESET_CONTROL && size === 1) return this.resetControl.read(0, 1);
    if (offset < DATA) return offset === ADDRESS && size === 4 ? this.#address : 0xffff_ffff;
    const register = this.#register;
    if (register === null) return 0xffff_ffff;
    return this.#configuration.getUint32(register, true) >>> (8 * (offset - DATA));
  }

  #write(offset: number, size: number, value: number): void {
    if (offset === RESET_CONTROL && size === 1) this.resetControl.write(0, 1, value);
    else if (offset === ADDRESS && size === 4) this.#address = (value & (ENABLE | FUNCTION | REGISTER)) >>> 0;
    else if (offset >= DATA && this.#register !== null)
      this.#writeBytes(this.#register + offset - DATA, size, value);
  }

  #writeBytes(at: number, size: number, value: number): void {
    if (at < DEVICE_REGISTERS) return;
    for (let i = 0; i < size; i++) this.#configuration.setUint8(at + i, (value >>> (8 * i)) & 0xff);
  }

  snapshot(): PciHostState {
    return { address: this.#address, configuration: [...new Uint8Array(this.#configuration.buffer)] };
  }
  restore(state: PciHostState): void {
    this.#address = state.address;
    new Uint8Array(this.#configuration.buffer).set(state.configuration);
  }
}
