import { plainFacade, type Facade } from "../../src/grading/realm/facade.js";
import type { DirectPaging } from "../../src/hypervisor/memory/direct/direct-paging.js";
import { READ_ONLY, WRITABLE, type Level } from "../../src/hypervisor/memory/direct/frame-types.js";
import { secondResult } from "../../src/hypervisor/pv/hypercalls/hypercall.js";
import type { PvGuest } from "../../src/hypervisor/pv/pv-guest.js";

/** The host's side of {@link Domain}. */
export class DomainFacade implements Facade {
  readonly source: string;
  readonly calls: Facade["calls"];
  /** What the part has said of the call that is going on. */
  done = 0;
  #guest: PvGuest | null = null;

  constructor() {
    const paging = (): DirectPaging => this.#guest!.paging;
    const { source, calls } = plainFacade("domain", {
      frames: { get: () => paging().types.frames },
      read64: {
        parameters: "linear: bigint",
        call: (linear: bigint) => {
          const bytes = this.#guest!.linear.read(BigInt.asUintN(64, linear), 8);
          return bytes === null ? undefined : new DataView(bytes.buffer).getBigUint64(0, true);
        },
      },
      frameOf: {
        parameters: "machine: bigint",
        call: (machine: bigint) => paging().frameAt(BigInt.asUintN(64, machine)),
      },
      tableLevel: { parameters: "frame: number", call: (frame: number) => this.#tableLevel(frame) },
      readEntry: {
        parameters: "machine: bigint",
        call: (machine: bigint) => this.#guest!.port.memory.read64(this.#entry(machine)),
      },
      writeEntry: {
        parameters: "machine: bigint, value: bigint",
        call: (machine: bigint, value: bigint) =>
          this.#guest!.port.memory.write64(this.#entry(machine), value),
      },
      useWritable: {
        parameters: "frame: number",
        call: (frame: number) => paging().useWritable(this.#own(frame)),
      },
      dropWritable: { parameters: "frame: number", call: (frame: number) => this.#dropWritable(frame) },
      useTable: {
        parameters: "frame: number, level: number",
        call: (frame: number, level: number) => {
          if (level < 1 || level > 4) throw new RangeError(`domain.useTable: there is no level ${level}`);
          return paging().useTable(this.#own(frame), level as Level, true);
        },
      },
      dropTable: {
        parameters: "frame: number",
        call: (frame: number) => {
          if (this.#tableLevel(frame) === 0)
            throw new RangeError(`domain.dropTable: frame ${frame} is no table`);
          paging().dropTable(frame);
        },
      },
      useLarge: {
        parameters: "frame: number",
        call: (frame: number) => paging().types.useLarge(this.#own(frame)),
      },
      dropLarge: {
        parameters: "frame: number",
        call: (frame: number) => {
          if (paging().types.largeUses(this.#own(frame)) === 0)
            throw new RangeError(`domain.dropLarge: no large page maps frame ${frame} writable`);
          paging().types.dropLarge(frame);
        },
      },
      done: {
        parameters: "count: number",
        call: (count: number) => {
          this.done = count;
          secondResult(this.#guest!, BigInt.asUintN(64, BigInt(count)));
        },
      },
    });
    this.source = source;
    this.calls = calls;
  }

  begin(guest: PvGuest): void {
    this.#guest = guest;
    this.done = 0;
  }

  #own(frame: number): number {
    if (frame < 0 || frame >= this.#guest!.paging.types.frames)
      throw new RangeError(`domain: the guest has no frame ${frame}`);
    return frame;
  }

  #tableLevel(frame: number): number {
    const { types } = this.#guest!.paging;
    const type = types.type(this.#own(frame));
    return type !== WRITABLE && type !== READ_ONLY && types.uses(frame) > 0 ? type : 0;
  }

  #dropWritable(frame: number): void {
    const { types } = this.#guest!.paging;
    if (types.type(this.#own(frame)) !== WRITABLE || types.uses(frame) === 0)
      throw new RangeError(`domain.dropWritable: nothing maps frame ${frame} writable`);
    types.drop(frame);
  }

  #entry(machine: bigint): number {
    if ((machine & 7n) !== 0n || this.#guest!.paging.frameAt(BigInt.asUintN(64, machine)) < 0)
      throw new RangeError(`domain: 0x${machine.toString(16)} is no entry in the guest's memory`);
    return Number(machine);
  }
}
