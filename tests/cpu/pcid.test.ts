/**
 * Process-context identifiers as instructions use them (SDM Vol. 3, 4.10.1, 4.10.4.1): what MOV to CR3, INVPCID and MOV to
 * CR4 leave cached. A page is read, its entry changed in memory, and read again.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { CR4_PAE, CR4_PCIDE } from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import { BareCore } from "./bare-core.js";

const CODE = 0x1_0000;
const ROOT = 0x1000;
const ENTRY = 0x3010;
const PAGE = 0x40_0000;
const OTHER = 0x60_0000;
const DESCRIPTOR = 0x2_0000;
const KEEP = 1n << 63n;
const OLD = 0x11n;
const NEW = 0x22n;
const [RAX, RBX, RCX] = [0, 3, 1];

let core: BareCore;

function execute(...bytes: number[]): void {
  core.write(CODE, bytes);
  core.set64(S.RIP, CODE);
  core.core.run(1);
  expect(core.rip).toBe(CODE + bytes.length);
}

function read(): bigint {
  core.setRegister(RBX, PAGE);
  execute(0x8a, 0x03); // mov al, [rbx]
  return core.register(RAX) & 0xffn;
}

function setCr3(pcid: number, flags = 0n): void {
  core.setRegister(RAX, BigInt(ROOT | pcid) | flags);
  execute(0x0f, 0x22, 0xd8);
}

function setCr4(value: number): void {
  core.setRegister(RAX, value);
  execute(0x0f, 0x22, 0xe0);
}

function invpcid(type: number, pcid: number, address: number): void {
  core.setRegister(RCX, type);
  core.setRegister(RBX, DESCRIPTOR);
  const descriptor = new DataView(new ArrayBuffer(16));
  descriptor.setBigUint64(0, BigInt(pcid), true);
  descriptor.setBigUint64(8, BigInt(address), true);
  core.write(DESCRIPTOR, new Uint8Array(descriptor.buffer));
  execute(0x66, 0x0f, 0x38, 0x82, 0x0b);
}

beforeEach(() => {
  core = new BareCore();
  core.mode(64, CODE);
  core.write(PAGE, [Number(OLD)]);
  core.write(OTHER, [Number(NEW)]);
  setCr4(CR4_PAE | CR4_PCIDE);
  setCr3(1);
  expect(read()).toBe(OLD);
  core.write(ENTRY, [0x83, 0, 0x60]);
});

describe("MOV to CR3", () => {
  it("drops what is cached of the new PCID", () => {
    expect(read()).toBe(OLD);
    setCr3(1);
    expect(read()).toBe(NEW);
  });

  it("keeps it with bit 63, and what is cached of another PCID always", () => {
    setCr3(2);
    expect(read()).toBe(NEW);
    setCr3(1, KEEP);
    expect(read()).toBe(OLD);
    expect(core.get64(S.CR3)).toBe(BigInt(ROOT | 1));
  });
});

describe("INVPCID", () => {
  it.each([
    ["an address of the PCID", 0, 1, PAGE, NEW],
    ["an address of another PCID", 0, 2, PAGE, OLD],
    ["another address", 0, 1, PAGE + 0x20_0000, OLD],
    ["the PCID", 1, 1, 0, NEW],
    ["another PCID", 1, 2, 0, OLD],
    ["all", 2, 0, 0, NEW],
    ["all but global pages", 3, 0, 0, NEW],
  ] as const)("%s", (_, type, pcid, address, expected) => {
    invpcid(type, pcid, address);
    expect(read()).toBe(expected);
  });
});

it("MOV to CR4 that clears PCIDE drops everything", () => {
  setCr3(0);
  expect(read()).toBe(NEW);
  setCr4(CR4_PAE);
  setCr4(CR4_PAE | CR4_PCIDE);
  setCr3(1, KEEP);
  expect(read()).toBe(NEW);
});
