/**
 * The cases of the hot switch: the forms that make up nearly all that programs execute, specialised by operand size and
 * by register or memory. Each is an AssemblyScript body; what it does must equal what the cold handler of its row does.
 * A name is family_form+size: forms rr, ri, rm (register from memory), mr (memory from register), mi, r, m, n (none).
 */
export interface HotKind {
  readonly name: string;
  readonly body: string;
}

type Size = 1 | 2 | 4 | 8;
const LOG: Record<Size, number> = { 1: 0, 2: 1, 4: 2, 8: 3 };
const DST = "load<u32>(op, 4)";
const SRC = "load<u32>(op, 8)";
const IMM = "load<i64>(op, 24)";
const NEXT_OP = "op += 40; continue;";
const FAULT = "return abandon(block, op);";

/** Sign-extended to i64. */
const read = (at: string, size: Size): string => (size === 8 ? `load<i64>(${at})` : `<i64>load<i${8 * size}>(${at})`);
const truncate = (value: string, size: Size): string => (size === 8 ? `${value}` : `<i64><i${8 * size}>(${value})`);
const toRegister = (at: string, value: string, size: Size): string =>
  size === 8 ? `store<i64>(${at}, ${value});`
  : size === 4 ? `store<u64>(${at}, <u64><u32>${value});`
  : `store<u${8 * size}>(${at}, <u${8 * size}>${value});`;
const toMemory = (at: string, value: string, size: Size): string =>
  size === 8 ? `store<i64>(${at}, ${value});` : `store<u${8 * size}>(${at}, <u${8 * size}>${value});`;
const readable = (size: Size): string => `const at = readable(addressOf(op), ${size}); if (at == 0) ${FAULT}`;
const modifiable = (size: Size): string => `const at = modifiable(addressOf(op), ${size}); if (at == 0) ${FAULT}`;
const writable = (size: Size): string => `const at = writable(addressOf(op), ${size}); if (at == 0) ${FAULT}`;
const commit = "if (at == BOUNCE) commitWrite();";

interface Binary {
  /** r from a and b, before truncation. */
  readonly result: string;
  readonly flags: (size: Size) => string;
  readonly keeps: boolean;
}
const logic = "setLogic(r);";
const sub = "setSub(a, b, r);";
const BINARY: Record<string, Binary> = {
  add: { result: "a + b", flags: (size) => `setAdd(a, r, ${LOG[size]});`, keeps: true },
  sub: { result: "a - b", flags: () => sub, keeps: true },
  cmp: { result: "a - b", flags: () => sub, keeps: false },
  and: { result: "a & b", flags: () => logic, keeps: true },
  or: { result: "a | b", flags: () => logic, keeps: true },
  xor: { result: "a ^ b", flags: () => logic, keeps: true },
  test: { result: "a & b", flags: () => logic, keeps: false },
  adc: { result: "a + b + <i64>carry()", flags: () => "setAddWithCarry(a, b, r);", keeps: true },
  sbb: { result: "a - b - <i64>carry()", flags: () => "setSubWithBorrow(a, b, r);", keeps: true },
};

function binary(name: string, size: Size): HotKind[] {
  const { result, flags, keeps } = BINARY[name];
  const r = `const r = ${/[+-]/.test(result) ? truncate(result, size) : result};`;
  const operate = (a: string, b: string, store: string): string =>
    `const a = ${a}; const b = ${b}; ${r} ${keeps ? store : ""} ${flags(size)} ${NEXT_OP}`;
  const intoMemory = `${toMemory("at", "r", size)} ${commit}`;
  const access = keeps ? modifiable(size) : readable(size);
  return [
    { name: `${name}_rr${size}`, body: operate(read(DST, size), read(SRC, size), toRegister(DST, "r", size)) },
    { name: `${name}_ri${size}`, body: operate(read(DST, size), IMM, toRegister(DST, "r", size)) },
    { name: `${name}_rm${size}`, body: `${readable(size)} ${operate(read(SRC, size), read("at", size), toRegister(SRC, "r", size))}` },
    { name: `${name}_mr${size}`, body: `${access} ${operate(read("at", size), read(SRC, size), intoMemory)}` },
    { name: `${name}_mi${size}`, body: `${access} ${operate(read("at", size), IMM, intoMemory)}` },
  ];
}

function moves(): HotKind[] {
  const kinds: HotKind[] = [];
  for (const size of [1, 2, 4, 8] as const) {
    kinds.push(
      { name: `mov_rr${size}`, body: `${toRegister(DST, `load<u${8 * size}>(${SRC})`, size)} ${NEXT_OP}` },
      { name: `mov_ri${size}`, body: `${toRegister(DST, IMM, size)} ${NEXT_OP}` },
      { name: `mov_rm${size}`, body: `${readable(size)} ${toRegister(SRC, `load<u${8 * size}>(at)`, size)} ${NEXT_OP}` },
      { name: `mov_mr${size}`, body: `${writable(size)} ${toMemory("at", `load<u${8 * size}>(${SRC})`, size)} ${commit} ${NEXT_OP}` },
      { name: `mov_mi${size}`, body: `${writable(size)} ${toMemory("at", IMM, size)} ${commit} ${NEXT_OP}` },
    );
  }
  const extend = (name: string, from: Size, signed: boolean, to: Size): void => {
    const type = `${signed ? "i" : "u"}${8 * from}`;
    kinds.push(
      { name: `${name}_rr${to}`, body: `${toRegister(DST, `<i64>load<${type}>(${SRC})`, to)} ${NEXT_OP}` },
      { name: `${name}_rm${to}`, body: `${readable(from)} ${toRegister(SRC, `<i64>load<${type}>(at)`, to)} ${NEXT_OP}` },
    );
  };
  for (const to of [4, 8] as const) {
    extend("movzxb", 1, false, to);
    extend("movzxw", 2, false, to);
    extend("movsxb", 1, true, to);
    extend("movsxw", 2, true, to);
  }
  extend("movsxd", 4, true, 8);
  for (const size of [4, 8] as const) {
    kinds.push(
      { name: `lea_rm${size}`, body: `${toRegister(SRC, "addressOf(op)", size)} ${NEXT_OP}` },
      { name: `xchg_rr${size}`, body: `const a = load<u${8 * size}>(${DST}); const b = load<u${8 * size}>(${SRC}); ${toRegister(DST, "b", size)} ${toRegister(SRC, "a", size)} ${NEXT_OP}` },
    );
  }
  kinds.push(
    { name: "cwd_n4", body: `store<u64>(RDX, <u64><u32>(load<i32>(RAX) >> 31)); ${NEXT_OP}` },
    { name: "cwd_n8", body: `store<i64>(RDX, load<i64>(RAX) >> 63); ${NEXT_OP}` },
    { name: "nop_n", body: NEXT_OP },
  );
  return kinds;
}

function unary(): HotKind[] {
  const kinds: HotKind[] = [];
  for (const size of [4, 8] as const) {
    const step = (name: string, sign: string, kind: string): void => {
      const operate = `const r = ${truncate(`${read("$", size)} ${sign} 1`, size)};`;
      const flags = `setIncrement(${kind} + ${LOG[size]}, r);`;
      kinds.push(
        { name: `${name}_r${size}`, body: `${operate.replace("$", DST)} ${toRegister(DST, "r", size)} ${flags} ${NEXT_OP}` },
        { name: `${name}_m${size}`, body: `${modifiable(size)} ${operate.replace("$", "at")} ${toMemory("at", "r", size)} ${commit} ${flags} ${NEXT_OP}` },
      );
    };
    step("inc", "+", "FLAGS_INC");
    step("dec", "-", "FLAGS_DEC");
    const bits = 8 * size;
    const shift = (name: string, result: string, carried: string, overflow: string): void => {
      const body = `const count = <i64>(load<u8>(op, 24) & ${bits - 1}); if (count != 0) { const a = ${read(DST, size)}; const r = ${truncate(result, size)}; ${toRegister(DST, "r", size)} const c = (${carried}) & 1; setShift(r, c, ${overflow}); } else { ${size === 4 ? `store<u64>(${DST}, load<u32>(${DST}));` : ""} } ${NEXT_OP}`;
      kinds.push({ name: `${name}_ri${size}`, body });
    };
    shift("shl", "a << count", `a >> (${bits} - count)`, "(<i64>(r < 0)) ^ c");
    shift("shr", size === 8 ? "<i64>(<u64>a >> <u64>count)" : "<i64>(<u32>a >> <u32>count)", "a >> (count - 1)", "<i64>(a < 0)");
    shift("sar", "a >> count", "a >> (count - 1)", "0");
    kinds.push(
      { name: `neg_r${size}`, body: `const b = ${read(DST, size)}; const r = ${truncate("-b", size)}; ${toRegister(DST, "r", size)} setSub(0, b, r); ${NEXT_OP}` },
      { name: `not_r${size}`, body: `${toRegister(DST, `~${read(DST, size)}`, size)} ${NEXT_OP}` },
    );
  }
  return kinds;
}

function multiplication(): HotKind[] {
  const in4 = "const r = a * b; setProduct(<i64><i32>r, r != <i64><i32>r);";
  const in8 = "const r = a * b; setProduct(r, signedProductOverflows(a, b));";
  const kinds: HotKind[] = [];
  for (const size of [4, 8] as const) {
    const product = size === 4 ? in4 : in8;
    kinds.push(
      { name: `imul_rr${size}`, body: `const a = ${read(DST, size)}; const b = ${read(SRC, size)}; ${product} ${toRegister(DST, "r", size)} ${NEXT_OP}` },
      { name: `imul_rm${size}`, body: `${readable(size)} const a = ${read(SRC, size)}; const b = ${read("at", size)}; ${product} ${toRegister(SRC, "r", size)} ${NEXT_OP}` },
      { name: `imul3_rr${size}`, body: `const a = ${read(SRC, size)}; const b = ${IMM}; ${product} ${toRegister(DST, "r", size)} ${NEXT_OP}` },
    );
  }
  kinds.push(
    { name: "mul_r4", body: `const r = <u64>load<u32>(RAX) * <u64>load<u32>(${DST}); store<u64>(RAX, r & 0xffff_ffff); store<u64>(RDX, r >> 32); setProduct(<i64><i32>r, (r >> 32) != 0); ${NEXT_OP}` },
    { name: "div_r4", body: `const d = <u64>load<u32>(${DST}); const n = (<u64>load<u32>(RDX) << 32) | <u64>load<u32>(RAX); if (d == 0 || (n >> 32) >= d) { raise(DIVIDE_ERROR); ${FAULT} } const q = n / d; store<u64>(RAX, q); store<u64>(RDX, n - q * d); ${NEXT_OP}` },
    { name: "div_r8", body: `const d = load<u64>(${DST}); if (d == 0 || load<u64>(RDX) != 0) { call_indirect(load<u32>(HANDLERS + (<usize>load<u16>(op, 36) << 2)), op); if (faultPending) ${FAULT} ${NEXT_OP} } const n = load<u64>(RAX); const q = n / d; store<u64>(RAX, q); store<u64>(RDX, n - q * d); ${NEXT_OP}` },
  );
  return kinds;
}

const CONDITION = [
  "overflow()", "carry()", "zero()", "(carry() || zero())", "sign()", "parity()", "less()", "lessOrEqual()",
] as const;

/** Conditional jumps, by condition. */
const JUMPS: readonly HotKind[] = CONDITION.flatMap((holds, pair) =>
  [holds, `!${holds}`].map((test, i) => ({
    name: `j${2 * pair + i}`,
    body: `if (${test}) { next = load<u32>(op, 12); target = load<u64>(op, 24); link = op + 12; } else { next = load<u32>(op, 16); target = load<u64>(op, 4); link = op + 16; } break;`,
  })),
);

function conditional(): HotKind[] {
  const holds = "condition(rowExtra(load<u16>(op, 36)))";
  return [
    { name: "set_r1", body: `store<u8>(${DST}, <u8>${holds}); ${NEXT_OP}` },
    ...([4, 8] as const).map((size) => ({
      name: `cmov_rr${size}`,
      body: `${toRegister(DST, `(${holds} ? load<u${8 * size}>(${SRC}) : load<u${8 * size}>(${DST}))`, size)} ${NEXT_OP}`,
    })),
  ];
}

function stack(): HotKind[] {
  const push = (value: string): string =>
    `const value = ${value}; const sp = load<u64>(RSP) - 8; const at = pushable(sp); if (at == 0) ${FAULT} store<u64>(at, value); ${commit} store<u64>(RSP, sp);`;
  const pop = `const sp = load<u64>(RSP); const at = poppable(sp); if (at == 0) ${FAULT} const value = load<u64>(at);`;
  /** The two blocks that it went to last are looked at first; `at` is where the op has the newer one, the other 4 bytes on. */
  const indirect = (at: 4 | 12): string =>
    `next = load<u32>(op, ${at}); if (load<u64>(next) != target) { next = load<u32>(op, ${at + 4}); if (load<u64>(next) != target) { store<u32>(op, load<u32>(op, ${at}), ${at + 4}); next = 0; link = op + ${at}; } } break;`;
  const guard = "if ((<i64>target << 16 >> 16) != <i64>target) { raise(GENERAL_PROTECTION, 0); return abandon(block, op); }";
  return [
    { name: "push_r8", body: `${push(`load<u64>(${DST})`)} ${NEXT_OP}` },
    { name: "push_m8", body: `const from = readable(addressOf(op), 8); if (from == 0) ${FAULT} ${push("load<u64>(from)")} ${NEXT_OP}` },
    { name: "pushi_n8", body: `${push("<u64>load<i64>(op, 24)")} ${NEXT_OP}` },
    { name: "pop_r8", body: `${pop} store<u64>(RSP, sp + 8); store<u64>(${DST}, value); ${NEXT_OP}` },
    { name: "leave_n8", body: `const sp = load<u64>(RBP); const at = poppable(sp); if (at == 0) ${FAULT} store<u64>(RBP, load<u64>(at)); store<u64>(RSP, sp + 8); ${NEXT_OP}` },
    { name: "call", body: `${push("load<u64>(op, 4)")} next = load<u32>(op, 12); target = load<u64>(op, 24); link = op + 12; break;` },
    { name: "jmp", body: "next = load<u32>(op, 12); target = load<u64>(op, 24); link = op + 12; break;" },
    { name: "loop", body: "const count = loopCount(op); if (count != 0) { next = load<u32>(op, 12); target = load<u64>(op, 24); link = op + 12; } else { next = load<u32>(op, 16); target = load<u64>(op, 4); link = op + 16; } break;" },
    { name: "ret_n8", body: `${pop} target = value; ${guard} store<u64>(RSP, sp + 8); ${indirect(12)}` },
    { name: "jmpr_r8", body: `target = load<u64>(${DST}); ${guard} ${indirect(12)}` },
    { name: "jmpr_m8", body: `const at = readable(addressOf(op), 8); if (at == 0) ${FAULT} target = load<u64>(at); ${guard} ${indirect(4)}` },
    { name: "callr_r8", body: `target = load<u64>(${DST}); ${guard} ${push("load<u64>(op, 24)")} ${indirect(12)}` },
    { name: "callr_m8", body: `const from = readable(addressOf(op), 8); if (from == 0) ${FAULT} target = load<u64>(from); ${guard} ${push("load<u64>(op, 24)")} ${indirect(4)}` },
  ];
}

/**
 * Comparisons that take a conditional jump behind them along, as processors do (macro-fusion: Intel, Optimization Reference Manual,
 * 3.4.2.2). Bit `relation` of the jump's mask says whether it is taken: a < b unsigned, a = b, a < b signed, a - b negative.
 */
const FUSIBLE = /^(cmp|test)_(rr|ri)[148]$|^(cmp|test)_mi[148]$|^cmp_(rm|mr)[48]$/;
const RELATION: Record<string, string> = {
  cmp: "<u32>(<u64>a < <u64>b) | (<u32>(a == b) << 1) | (<u32>(a < b) << 2) | (<u32>(r < 0) << 3)",
  test: "(<u32>(r == 0) << 1) | (<u32>(r < 0) * 12)",
};

function fused({ name, body }: HotKind): HotKind[] {
  if (!FUSIBLE.test(name)) return [];
  const relation = RELATION[name.slice(0, name.indexOf("_"))];
  const jump = `if ((load<u32>(op, 72) >> (${relation})) & 1) { next = load<u32>(op, 52); target = load<u64>(op, 64); link = op + 52; } else { next = load<u32>(op, 56); target = load<u64>(op, 44); link = op + 56; } break;`;
  return [{ name: `${name}_j`, body: body.replace(NEXT_OP, jump) }];
}

const PLAIN: readonly HotKind[] = [
  ...Object.keys(BINARY).flatMap((name) => [...binary(name, 4), ...binary(name, 8)]),
  ...binary("cmp", 1), ...binary("test", 1), ...binary("cmp", 2),
  ...moves(), ...unary(), ...multiplication(), ...conditional(), ...stack(),
];

/** Conditional jumps first, so that the number of their condition can be told from that of the case. */
export const HOT_KINDS: readonly HotKind[] = [...JUMPS, ...PLAIN, ...PLAIN.flatMap(fused)];
