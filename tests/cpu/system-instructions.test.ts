/**
 * Instructions that neither a user program on silicon nor the lock-step cases come to: what they do to the state, and their
 * faults in the order of the manual (SDM Vol. 2).
 */
import { beforeEach, describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import {
  CODE,
  DATA,
  Fixture,
  GDT,
  HANDLERS,
  IDT,
  KERNEL_STACK,
  RAX,
  RBX,
  RCX,
  RDX,
  RSI,
  RSP,
  USER_STACK,
} from "./fixture.js";

const UD = { vector: 6, rip: BigInt(CODE) };
const GP = { vector: 13, errorCode: 0n, rip: BigInt(CODE) };
const NOT_CANONICAL = 1n << 47n;
const base = (index: number): number => S.SEGMENTS + index * S.SEGMENT_BYTES + S.SEGMENT_BASE;
const selector = (one: Fixture, index: number): number =>
  one.core.view.getUint16(S.SEGMENTS + index * S.SEGMENT_BYTES + S.SEGMENT_SELECTOR, true);
const AC = 1n << 18n;
const CR4_UMIP = 1n << 11n;
const CR4_FSGSBASE = 1n << 16n;
const CR4_OSXSAVE = 1n << 18n;
const CR4_SMAP = 1n << 21n;
const setCr4 = (one: Fixture, bits: bigint): void => {
  one.core.set64(S.CR4, one.core.get64(S.CR4) | bits);
};
/** Compatibility mode: IA-32e mode with a code segment of 32 bits. */
function compatibility(ring: 0 | 3): Fixture {
  const one = new Fixture(64, ring);
  one.segment(S.CS, ring === 3 ? 0x1b : 8, 0, 0xffff_ffff, ring === 3 ? 0xc0fb : 0xc09b);
  return one;
}

describe("SWAPGS", () => {
  it("exchanges the base of GS and IA32_KERNEL_GS_BASE, and nothing else of GS", () => {
    const kernel = new Fixture(64, 0);
    kernel.core.set64(base(S.GS), 0x1111n);
    kernel.core.set64(S.MSR_KERNEL_GS_BASE, 0xffff_8000_0000_2222n);
    expect(kernel.run([0x0f, 0x01, 0xf8], 1)).toBeUndefined();
    expect(kernel.core.get64(base(S.GS))).toBe(0xffff_8000_0000_2222n);
    expect(kernel.core.get64(S.MSR_KERNEL_GS_BASE)).toBe(0x1111n);
    expect(selector(kernel, S.GS)).toBe(0x10);
  });
  it("is #GP(0) above ring 0, #UD outside 64-bit mode at any", () => {
    expect(new Fixture(64, 3).run([0x0f, 0x01, 0xf8])).toMatchObject(GP);
    expect(compatibility(3).run([0x0f, 0x01, 0xf8])).toMatchObject(UD);
    expect(compatibility(0).run([0x0f, 0x01, 0xf8])).toMatchObject(UD);
  });
});

describe("SMAP", () => {
  const STAC = [0x0f, 0x01, 0xcb];
  const CLAC = [0x0f, 0x01, 0xca];
  /** The user's page, from 2 MiB; all others are the supervisor's. */
  const USER_PAGE = 0x20_0000;
  // MOV EAX, [USER_PAGE]
  const READ = [0x8b, 0x04, 0x25, 0, 0, 0x20, 0];
  function guarded(): Fixture {
    const kernel = new Fixture(64, 0);
    for (const at of [0x1000, 0x2000]) kernel.put(at, BigInt(kernel.get(at)) | 4n);
    kernel.put(0x3008, BigInt(USER_PAGE) | 0x87n);
    kernel.put(USER_PAGE, 0x77n);
    setCr4(kernel, CR4_SMAP);
    return kernel;
  }
  it("STAC sets AC, and supervisor code may read a user page; CLAC clears it, and it may not", () => {
    const kernel = guarded();
    expect(kernel.run([...STAC, ...READ], 2)).toBeUndefined();
    expect(kernel.core.register(RAX)).toBe(0x77n);
    expect(kernel.core.get64(S.RFLAGS) & AC).toBe(AC);
    expect(kernel.run([...CLAC, ...READ])).toMatchObject({
      vector: 14,
      errorCode: 1n,
      rip: BigInt(CODE + 3),
    });
    expect(kernel.core.get64(S.CR2)).toBe(BigInt(USER_PAGE));
  });
  it("STAC and CLAC are #UD above ring 0, with LOCK and with an operand-size prefix", () => {
    for (const code of [STAC, CLAC]) {
      expect(new Fixture(64, 3).run(code)).toMatchObject(UD);
      expect(new Fixture(32, 0).run([0xf0, ...code])).toMatchObject(UD);
      expect(new Fixture(32, 0).run([0x66, ...code])).toMatchObject(UD);
    }
  });
});

describe("bases of FS and GS", () => {
  const access = (digit: number, wide: boolean, register = 1): number[] => [
    0xf3,
    ...(wide ? [0x48] : []),
    0x0f,
    0xae,
    0xc0 | (digit << 3) | register,
  ];
  it.each([
    ["WRFSBASE and RDFSBASE", 2, 0, S.FS],
    ["WRGSBASE and RDGSBASE", 3, 1, S.GS],
  ])("%s: 64 bits, or 32 with zeros above, at any ring", (_name, write, read, index) => {
    const user = new Fixture(64, 3);
    setCr4(user, CR4_FSGSBASE);
    user.core.setRegister(RCX, 0xffff_9000_1234_5678n);
    expect(user.run([...access(write, true), ...access(read, true, 3)], 2)).toBeUndefined();
    expect(user.core.get64(base(index))).toBe(0xffff_9000_1234_5678n);
    expect(user.core.register(RBX)).toBe(0xffff_9000_1234_5678n);
    expect(user.run([...access(read, false, 3), ...access(write, false)], 2)).toBeUndefined();
    expect(user.core.register(RBX)).toBe(0x1234_5678n);
    expect(user.core.get64(base(index))).toBe(0x1234_5678n);
  });
  it("are #UD without CR4.FSGSBASE, before #GP(0) for an address that is not canonical; #UD in compatibility mode", () => {
    for (const digit of [0, 1, 2, 3]) {
      const user = new Fixture(64, 3);
      user.core.setRegister(RCX, NOT_CANONICAL);
      expect(user.run(access(digit, true))).toMatchObject(UD);
      const other = compatibility(3);
      setCr4(other, CR4_FSGSBASE);
      expect(other.run(access(digit, false))).toMatchObject(UD);
      const enabled = new Fixture(64, 3);
      setCr4(enabled, CR4_FSGSBASE);
      enabled.core.setRegister(RCX, NOT_CANONICAL);
      if (digit < 2) expect(enabled.run(access(digit, true), 1)).toBeUndefined();
      else expect(enabled.run(access(digit, true))).toMatchObject(GP);
    }
  });
});

describe("segment registers", () => {
  // LSS ESP, [DATA]
  const LSS = [0x0f, 0xb2, 0x25, 0, 0, 2, 0];
  it("LSS loads stack segment and pointer at once", () => {
    const kernel = new Fixture(32, 0);
    kernel.put(DATA, 0x10_0001_8000n);
    expect(kernel.run(LSS, 1)).toBeUndefined();
    expect(kernel.core.register(RSP)).toBe(0x1_8000n);
    expect(selector(kernel, S.SS)).toBe(0x10);
  });
  it.each([
    ["LSS with a null selector is #GP(0)", 0n, 0n, 13, 0n],
    ["LSS with a read-only segment is #GP with its selector", 0x38n, 0x00cf_9100_0000_ffffn, 13, 0x38n],
    ["LSS with a segment of ring 3 is #GP with its selector", 0x20n, 0n, 13, 0x20n],
    ["LSS with an absent segment is #SS with its selector", 0x38n, 0x00cf_1300_0000_ffffn, 12, 0x38n],
    ["LSS beyond the table is #GP with its selector", 0x2000n, 0n, 13, 0x2000n],
  ])("%s, and ESP stays", (_name, chosen, descriptor, vector, errorCode) => {
    const kernel = new Fixture(32, 0);
    kernel.put(GDT + 0x38, descriptor);
    kernel.put(DATA, (chosen << 32n) | 0x1_8000n);
    expect(kernel.run(LSS)).toMatchObject({ vector, errorCode, rip: BigInt(CODE) });
    expect(kernel.core.register(RSP)).toBe(BigInt(KERNEL_STACK - 16));
    expect(selector(kernel, S.SS)).toBe(0x10);
  });
  it("LSS with REX.W has a pointer of 64 bits and a selector after it", () => {
    const kernel = new Fixture(64, 0);
    kernel.put(DATA, 0xffff_8000_0001_8000n);
    kernel.put(DATA + 8, 0x10n);
    expect(kernel.run([0x48, 0x0f, 0xb2, 0x24, 0x25, 0, 0, 2, 0], 1)).toBeUndefined();
    expect(kernel.core.register(RSP)).toBe(0xffff_8000_0001_8000n);
  });
  it("LSS of a register is #UD", () => {
    expect(new Fixture(32, 0).run([0x0f, 0xb2, 0xe0])).toMatchObject(UD);
  });
  it("POP SS holds back interrupts and traps for one instruction; what it may not load leaves ESP", () => {
    const kernel = new Fixture(32, 0);
    kernel.flags(0x100);
    kernel.put(KERNEL_STACK - 8, 0x10n);
    kernel.core.setRegister(RSP, KERNEL_STACK - 8);
    expect(kernel.run([0x17, 0x41, 0x41])).toMatchObject({ vector: 1, rip: BigInt(CODE + 2) });
    const other = new Fixture(32, 0);
    other.put(KERNEL_STACK - 8, 0x20n);
    other.core.setRegister(RSP, KERNEL_STACK - 8);
    expect(other.run([0x17])).toMatchObject({ vector: 13, errorCode: 0x20n });
    expect(other.core.register(RSP)).toBe(BigInt(KERNEL_STACK - 8 - 16));
  });
  it("PUSH FS and PUSH GS push as many bytes as the operand size, a zero-extended selector", () => {
    const user = new Fixture(64, 3);
    user.segment(S.GS, 0x1234, 0, 0, 0x1_0000);
    user.put(USER_STACK - 16, 0xffff_ffff_ffff_ffffn);
    expect(user.run([0x0f, 0xa0, 0x0f, 0xa8], 2)).toBeUndefined();
    expect(user.core.register(RSP)).toBe(BigInt(USER_STACK - 16));
    expect([user.get(USER_STACK - 8), user.get(USER_STACK - 16), user.get(USER_STACK - 12)]).toEqual([
      0x23, 0x1234, 0,
    ]);
    expect(user.run([0x66, 0x0f, 0xa0], 1)).toBeUndefined();
    expect(user.core.register(RSP)).toBe(BigInt(USER_STACK - 18));
  });
  it("MOV rax, SS zero-extends into a register; into memory it is two bytes whatever the size", () => {
    const kernel = new Fixture(64, 0);
    for (const register of [RAX, RCX]) kernel.core.setRegister(register, 0xaaaa_aaaa_aaaa_aaaan);
    kernel.put(DATA, 0xffff_ffff_ffff_ffffn);
    // mov rax, ss; mov cx, ds; mov [rdx], es with REX.W
    kernel.core.setRegister(RDX, DATA);
    expect(kernel.run([0x48, 0x8c, 0xd0, 0x66, 0x8c, 0xd9, 0x48, 0x8c, 0x02], 3)).toBeUndefined();
    expect(kernel.core.register(RAX)).toBe(0x10n);
    expect(kernel.core.register(RCX)).toBe(0xaaaa_aaaa_aaaa_0010n);
    expect([kernel.get(DATA), kernel.get(DATA + 4)]).toEqual([0xffff_0010, 0xffff_ffff]);
    expect(kernel.run([0x8c, 0xf0])).toMatchObject(UD);
  });
});

describe("descriptor tables", () => {
  // SGDT [DATA], LIDT [DATA]
  const at = (digit: number): number[] => [0x0f, 0x01, 0x04 | (digit << 3), 0x25, 0, 0, 2, 0];
  it("SGDT stores limit and base in ten bytes of 64-bit mode, six elsewhere", () => {
    const kernel = new Fixture(64, 0);
    kernel.core.set64(S.GDTR_BASE, 0xffff_8000_0000_1234n);
    for (const offset of [0, 8]) kernel.put(DATA + offset, 0xffff_ffff_ffff_ffffn);
    expect(kernel.run(at(0), 1)).toBeUndefined();
    expect([0, 4, 8].map((offset) => kernel.get(DATA + offset))).toEqual([
      0x1234_0fff, 0x8000_0000, 0xffff_ffff,
    ]);
    const narrow = new Fixture(32, 0);
    narrow.put(DATA, 0xffff_ffff_ffff_ffffn);
    expect(narrow.run([0x0f, 0x01, 0x05, 0, 0, 2, 0], 1)).toBeUndefined();
    expect([narrow.get(DATA), narrow.get(DATA + 4)]).toEqual([0x0000_0fff, 0xffff_0005]);
  });
  it("SGDT is for every ring without CR4.UMIP, #GP(0) with it", () => {
    expect(new Fixture(64, 3).run(at(0), 1)).toBeUndefined();
    const user = new Fixture(64, 3);
    setCr4(user, CR4_UMIP);
    expect(user.run(at(0))).toMatchObject(GP);
  });
  it("LIDT loads the table through which the next exception goes", () => {
    const kernel = new Fixture(64, 0);
    // The gate of #UD is the one of #BR in a table that begins 16 bytes before.
    kernel.put(DATA, BigInt(0xfff) | (BigInt(IDT - 16) << 16n));
    kernel.put(DATA + 8, 0n);
    const event = kernel.run([...at(3), 0x0f, 0x0b]);
    expect(event).toMatchObject({ vector: 5, rip: BigInt(CODE + 8) });
    expect([kernel.core.get64(S.IDTR_BASE), kernel.core.view.getUint32(S.IDTR_LIMIT, true)]).toEqual([
      BigInt(IDT - 16),
      0xfff,
    ]);
  });
  it("LIDT takes 24 bits of the base with an operand size of 16", () => {
    const kernel = new Fixture(32, 0);
    kernel.put(DATA, 0x1234_5678_0123n);
    expect(kernel.run([0x66, 0x0f, 0x01, 0x1d, 0, 0, 2, 0], 1)).toBeUndefined();
    expect(kernel.core.get64(S.IDTR_BASE)).toBe(0x34_5678n);
  });
  it("LIDT is #GP(0) above ring 0 before it reads, #GP(0) for a base that is not canonical, #UD for a register", () => {
    expect(new Fixture(64, 3).run([0x0f, 0x01, 0x1c, 0x25, 0, 0, 0, 0x70])).toMatchObject(GP);
    const kernel = new Fixture(64, 0);
    kernel.put(DATA, 0xfffn);
    kernel.put(DATA + 8, 0x80n);
    expect(kernel.run(at(3))).toMatchObject(GP);
    expect(kernel.core.get64(S.IDTR_BASE)).toBe(BigInt(IDT));
  });
});

describe("debugging", () => {
  it("INT1 is #DB as a trap: no privilege is asked for, DR6 stays", () => {
    const user = new Fixture(64, 3);
    user.put(IDT + 16, BigInt(user.get(IDT + 16)) | (0x8e00n << 32n) | (BigInt(HANDLERS >> 16) << 48n));
    const before = user.core.get64(S.DR6);
    expect(user.run([0xf1])).toMatchObject({ vector: 1, rip: BigInt(CODE + 1) });
    expect(user.core.get64(S.DR6)).toBe(before);
    expect(user.core.view.getUint32(S.CPL, true)).toBe(0);
  });
});

describe("XSAVEOPT", () => {
  // XSAVEOPT [rdx]
  const XSAVEOPT = [0x0f, 0xae, 0x32];
  let user: Fixture;
  beforeEach(() => {
    user = new Fixture(64, 3);
    setCr4(user, CR4_OSXSAVE);
    user.core.set64(S.XCR0, 3);
    user.core.setRegister(RAX, 2);
    user.core.setRegister(RDX, DATA);
  });
  it("saves what EDX:EAX and XCR0 name, marks it in XSTATE_BV and leaves the rest", () => {
    user.core.setRegister(RAX, 2);
    user.core.setRegister(RDX, 0);
    user.core.setRegister(RCX, DATA);
    user.core.set64(S.XMM, 0x1122_3344_5566_7788n);
    user.put(DATA, 0x1234n);
    user.put(DATA + 512, 0n);
    expect(user.run([0x0f, 0xae, 0x31], 1)).toBeUndefined();
    expect([user.get(DATA + 160), user.get(DATA + 164)]).toEqual([0x5566_7788, 0x1122_3344]);
    expect(user.get(DATA + 512)).toBe(2);
    expect(user.get(DATA)).toBe(0x1234);
  });
  it("is #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP(0) off a 64-byte boundary, in this order", () => {
    user.core.setRegister(RDX, DATA + 16);
    expect(user.run(XSAVEOPT)).toMatchObject(GP);
    const task = new Fixture(64, 3);
    setCr4(task, CR4_OSXSAVE);
    task.core.set64(S.CR0, task.core.get64(S.CR0) | 8n);
    task.core.setRegister(RDX, DATA + 16);
    expect(task.run(XSAVEOPT)).toMatchObject({ vector: 7, rip: BigInt(CODE) });
    const without = new Fixture(64, 3);
    without.core.set64(S.CR0, without.core.get64(S.CR0) | 8n);
    expect(without.run(XSAVEOPT)).toMatchObject(UD);
  });
});

describe("IRET with an operand size of 16 to 64-bit code", () => {
  it("pops the whole of RSP", () => {
    const kernel = new Fixture(64, 0);
    const stack = 0x1_8000;
    kernel.core.setRegister(RSP, stack);
    [0x4000, 0x28, 2, 0x5000, 0x10].forEach((item, i) => {
      kernel.core.write(stack + 2 * i, [item & 0xff, item >> 8]);
    });
    expect(kernel.run([0x66, 0xcf], 1)).toBeUndefined();
    expect([kernel.core.rip, kernel.core.register(RSP)]).toEqual([0x4000, 0x5000n]);
  });
});

describe("JMP through a register or memory", () => {
  it("goes to 64 bits whatever the operand size", () => {
    const user = new Fixture(64, 3);
    user.core.setRegister(RCX, CODE + 0x40);
    expect(user.run([0xff, 0xe1], 1)).toBeUndefined();
    expect(user.core.rip).toBe(CODE + 0x40);
    user.put(DATA, BigInt(CODE + 0x80));
    expect(user.run([0x66, 0xff, 0x24, 0x25, 0, 0, 2, 0], 1)).toBeUndefined();
    expect(user.core.rip).toBe(CODE + 0x80);
  });
  it("to an address that is not canonical is #GP(0) at the instruction", () => {
    const user = new Fixture(64, 3);
    user.core.setRegister(RCX, NOT_CANONICAL);
    expect(user.run([0xff, 0xe1])).toMatchObject(GP);
  });
  it("beyond the limit of CS is #GP(0) at the instruction; 16 bits of EIP with an operand size of 16", () => {
    const user = new Fixture(32, 3);
    user.segment(S.CS, 0x1b, 0, 0x1_ffff, 0x40fb);
    user.core.setRegister(RCX, 0x2_0000);
    expect(user.run([0xff, 0xe1])).toMatchObject(GP);
    const other = new Fixture(32, 3);
    other.core.setRegister(RCX, 0x1234_5678);
    expect(other.run([0x66, 0xff, 0xe1], 1)).toBeUndefined();
    expect(other.core.rip).toBe(0x5678);
  });
});

describe("SALC", () => {
  it("fills AL with CF and leaves the flags; 64-bit mode has none", () => {
    const user = new Fixture(32, 3);
    for (const [flags, al] of [
      [0x8d5, 0xffn],
      [0x8d4, 0n],
    ] as const) {
      user.core.setRegister(RAX, 0x1234_5678);
      user.flags(flags);
      expect(user.run([0xd6], 1)).toBeUndefined();
      expect(user.core.register(RAX)).toBe(0x1234_5600n | al);
      expect(user.core.get64(S.RFLAGS) & 0x8d5n).toBe(BigInt(flags));
    }
    expect(new Fixture(64, 3).run([0xd6])).toMatchObject(UD);
  });
});

describe("hints and fences", () => {
  const ABSENT = [0x24, 0x25, 0, 0, 0, 0x70];
  const state = (one: Fixture): bigint[] => [
    ...Array.from({ length: 16 }, (_, i) => one.core.register(i)),
    one.core.get64(S.RFLAGS),
  ];
  const nothing = (code: readonly number[]): void => {
    const user = new Fixture(64, 3);
    user.core.setRegister(RSI, NOT_CANONICAL);
    const before = state(user);
    expect(user.run(code, 1)).toBeUndefined();
    expect(user.core.rip).toBe(CODE + code.length);
    expect(state(user)).toEqual(before);
  };
  it.each([0, 1, 2, 3])(
    "PREFETCH /%i of an absent page, and of an address that is not canonical, does nothing",
    (hint) => {
      nothing([0x0f, 0x18, (ABSENT[0] & ~0x38) | (hint << 3), ...ABSENT.slice(1)]);
      nothing([0x0f, 0x18, 0x06 | (hint << 3)]);
    },
  );
  it("PREFETCHW neither", () => {
    nothing([0x0f, 0x0d, 0x0c, ...ABSENT.slice(1)]);
    nothing([0x0f, 0x0d, 0x0e]);
  });
  it("their forms with a register are NOP 0F 18 /r and NOP 0F 0D /r", () => {
    nothing([0x0f, 0x18, 0xc1]);
    nothing([0x0f, 0x18, 0xf9]);
    nothing([0x0f, 0x0d, 0xc9]);
  });
  it("CLFLUSH is checked as a load of one byte", () => {
    nothing([0x0f, 0xae, 0x3c, 0x25, 0, 0, 2, 0]);
    const user = new Fixture(64, 3);
    expect(user.run([0x0f, 0xae, 0x3c, 0x25, 0, 0, 0, 0x70])).toMatchObject({ vector: 14, errorCode: 4n });
    expect(user.core.get64(S.CR2)).toBe(0x7000_0000n);
    user.core.setRegister(RSI, NOT_CANONICAL);
    const other = new Fixture(64, 3);
    other.core.setRegister(RSI, NOT_CANONICAL);
    expect(other.run([0x0f, 0xae, 0x3e])).toMatchObject(GP);
  });
  it.each([
    ["LFENCE", 0xe8],
    ["MFENCE", 0xf0],
    ["SFENCE", 0xf8],
  ])("%s changes nothing, and takes no LOCK", (_name, modrm) => {
    nothing([0x0f, 0xae, modrm]);
    nothing([0x0f, 0xae, modrm | 7]);
    expect(new Fixture(64, 3).run([0xf0, 0x0f, 0xae, modrm])).toMatchObject(UD);
  });
});
