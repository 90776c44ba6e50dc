/**
 * Instructions and their encodings, in the notation of the SDM (Vol. 2, 3.1.1) made regular:
 *
 *     mnemonic … | operand,operand | encoding
 *
 * Operands: `r8 r16 r32 r64` a register of ModRM.reg or of the opcode (`+r`); `rm…` register or memory; `m m8 … m64`
 * memory (`m`: of any size); `v` in place of a size: 16, 32 or 64 bits alike in all `v` operands; `n`: 32 bits in
 * 32-bit mode, 64 in 64-bit mode, without REX.W; `imm…` immediate (`imm8s`: sign-extended); `rel8 relv` branch target.
 * Encoding: opcode bytes in hex; `/r` or `/digit` ModRM; `+r`; `ib iw id iv iq` immediate; `ob ov` branch offset; `far` offset and selector. Flags: `w` REX.W; `o16 o32`
 * operand size; `d64` operands are 64 bits wide in 64-bit mode without REX.W; `x32 x64` only in that mode;
 * `p66 pf2 pf3` mandatory prefix. The first form that fits is taken.
 */
const TABLE = `
mov | rm8,r8 | 88 /r
mov | av,moffs | a1 x32
mov | moffs,av | a3 x32
mov | al,moffs | a0 x32
mov | moffs,al | a2 x32
mov | rmv,rv | 89 /r
mov | r8,rm8 | 8a /r
mov | rv,rmv | 8b /r
mov | r8,imm8 | b0 +r ib
mov | r16,imm16 | b8 o16 +r iw
mov | r32,imm32 | b8 o32 +r id
mov | rm8,imm8 | c6 /0 ib
mov | rmv,immv | c7 /0 iv
mov movabs | r64,imm64 | b8 w +r iq
mov | rv,sreg | 8c /r
mov | m16,sreg | 8c /r
mov | sreg,rm16 | 8e /r
mov | sreg,r32 | 8e /r
mov | sreg,r64 | 8e /r
mov | cr,rn | 0f 22 /r
mov | rn,cr | 0f 20 /r
mov | dr,rn | 0f 23 /r
mov | rn,dr | 0f 21 /r
movzx | rv,rm8 | 0f b6 /r
movzx | rv,rm16 | 0f b7 /r
movsx | rv,rm8 | 0f be /r
movsx | rv,rm16 | 0f bf /r
movsxd | r64,rm32 | 63 w /r x64
movbe | rv,mv | 0f 38 f0 /r
movbe | mv,rv | 0f 38 f1 /r
movnti | m,r32 | 0f c3 /r
movnti | m,r64 | 0f c3 w /r
lea | rv,m | 8d /r
xchg | r16,ax | 90 o16 +r
xchg | r32,eax | 90 o32 +r x32
xchg | r64,rax | 90 w +r
xchg | ax,r16 | 90 o16 +r
xchg | eax,r32 | 90 o32 +r x32
xchg | rax,r64 | 90 w +r
xchg | rm8,r8 | 86 /r
xchg | r8,rm8 | 86 /r
xchg | rmv,rv | 87 /r
xchg | rv,rmv | 87 /r
push | es | 06 x32
push | cs | 0e x32
push | ss | 16 x32
push | ds | 1e x32
push | fs | 0f a0
push | gs | 0f a8
pop | es | 07 x32
pop | ss | 17 x32
pop | ds | 1f x32
pop | fs | 0f a1
pop | gs | 0f a9
push | rv | 50 +r d64
push | rmv | ff /6 d64
push | imm8s | 6a ib
push | imm32 | 68 id
pop | rv | 58 +r d64
pop | rmv | 8f /0 d64
pusha pushad | | 60 x32
popa popad | | 61 x32
pushf | | 9c
pushfd | | 9c x32
pushfq | | 9c x64
popf | | 9d
popfd | | 9d x32
popfq | | 9d x64
enter | imm16,imm8 | c8 iw ib
leave | | c9
inc | r16 | 40 o16 +r x32
inc | r32 | 40 o32 +r x32
dec | r16 | 48 o16 +r x32
dec | r32 | 48 o32 +r x32
inc | rm8 | fe /0
inc | rmv | ff /0
dec | rm8 | fe /1
dec | rmv | ff /1
test | rm8,r8 | 84 /r
test | rmv,rv | 85 /r
test | r8,m8 | 84 /r
test | rv,mv | 85 /r
test | al,imm8 | a8 ib
test | av,immv | a9 iv
test | rm8,imm8 | f6 /0 ib
test | rmv,immv | f7 /0 iv
imul | rv,rmv | 0f af /r
imul | rv,rmv,imm8s | 6b /r ib
imul | rv,rmv,immv | 69 /r iv
imul | rv,imm8s | 6b /rr ib
imul | rv,immv | 69 /rr iv
xadd | rm8,r8 | 0f c0 /r
xadd | rmv,rv | 0f c1 /r
cmpxchg | rm8,r8 | 0f b0 /r
cmpxchg | rmv,rv | 0f b1 /r
cmpxchg8b | m | 0f c7 /1
cmpxchg16b | m | 0f c7 w /1
bswap | r32 | 0f c8 +r
bswap | r64 | 0f c8 w +r
bsf | rv,rmv | 0f bc /r
bsr | rv,rmv | 0f bd /r
popcnt | rv,rmv | pf3 0f b8 /r
lzcnt | rv,rmv | pf3 0f bd /r
tzcnt | rv,rmv | pf3 0f bc /r
cbw | | 98 o16
cwde | | 98 o32
cdqe | | 98 w
cwd | | 99 o16
cdq | | 99 o32
cqo | | 99 w
jmp | rel8 | eb ob
jmp | relv | e9 ov
jmp | rmv | ff /4 d64
jmp ljmp | far | ea far x32
call | relv | e8 ov
call | rmv | ff /2 d64
call lcall | far | 9a far x32
ljmp | m | ff /5
lcall | m | ff /3
ret | | c3
ret | imm16 | c2 iw
retf lret | | cb
retf lret | imm16 | ca iw
retfq lretq | | cb w
iret | | cf
iretd | | cf o32
iretq | | cf w
loop | rel8 | e2 ob
loope loopz | rel8 | e1 ob
loopne loopnz | rel8 | e0 ob
jecxz | rel8 | e3 cb x32
jrcxz | rel8 | e3 cb x64
int | imm8 | cd ib
int3 | | cc
int1 icebp | | f1
into | | ce x32
ud2 | | 0f 0b
in | al,imm8 | e4 ib
in | ax,imm8 | e5 o16 ib
in | eax,imm8 | e5 o32 ib
in | al,dx | ec
in | ax,dx | ed o16
in | eax,dx | ed o32
out | imm8,al | e6 ib
out | imm8,ax | e7 o16 ib
out | imm8,eax | e7 o32 ib
out | dx,al | ee
out | dx,ax | ef o16
out | dx,eax | ef o32
nop | | 90
nop | rmv | 0f 1f /0
pause | | f3 90
hlt | | f4
cli | | fa
sti | | fb
cld | | fc
std | | fd
clc | | f8
stc | | f9
cmc | | f5
sahf | | 9e
lahf | | 9f
xlatb | | d7
cpuid | | 0f a2
rdtsc | | 0f 31
rdtscp | | 0f 01 f9
rdpmc | | 0f 33
rdmsr | | 0f 32
wrmsr | | 0f 30
syscall | | 0f 05
sysret | | 0f 07
sysretq | | 0f 07 w
sysenter | | 0f 34
sysexit | | 0f 35
sysexitq | | 0f 35 w
swapgs | | 0f 01 f8
clts | | 0f 06
invd | | 0f 08
wbinvd | | 0f 09
invlpg | m | 0f 01 /7
lgdt | m | 0f 01 /2
lidt | m | 0f 01 /3
sgdt | m | 0f 01 /0
sidt | m | 0f 01 /1
lldt | rm16 | 0f 00 /2
ltr | rm16 | 0f 00 /3
sldt | rv | 0f 00 /0
sldt | m | 0f 00 /0
str | rv | 0f 00 /1
str | m | 0f 00 /1
smsw | rv | 0f 01 /4
smsw | m | 0f 01 /4
lmsw | rm16 | 0f 01 /6
verr | rm16 | 0f 00 /4
verw | rm16 | 0f 00 /5
lar | rv,rmv | 0f 02 /r
lsl | rv,rmv | 0f 03 /r
mfence | | 0f ae f0
lfence | | 0f ae e8
sfence | | 0f ae f8
clflush | m | 0f ae /7
prefetchnta | m | 0f 18 /0
prefetcht0 | m | 0f 18 /1
monitor | | 0f 01 c8
mwait | | 0f 01 c9
xgetbv | | 0f 01 d0
xsetbv | | 0f 01 d1
vmcall | | 0f 01 c1
vmlaunch | | 0f 01 c2
vmresume | | 0f 01 c3
vmxoff | | 0f 01 c4
vmfunc | | 0f 01 d4
vmxon | m | pf3 0f c7 /6
vmclear | m | p66 0f c7 /6
vmptrld | m | 0f c7 /6
vmptrst | m | 0f c7 /7
vmread | rmn,rn | 0f 78 /r
vmwrite | rn,rmn | 0f 79 /r
invept | rn,m | p66 0f 38 80 /r
invvpid | rn,m | p66 0f 38 81 /r
movsb | | a4
movsw | | a5 o16
movsd | | a5 o32
movsq | | a5 w
cmpsb | | a6
cmpsw | | a7 o16
cmpsd | | a7 o32
cmpsq | | a7 w
stosb | | aa
stosw | | ab o16
stosd | | ab o32
stosq | | ab w
lodsb | | ac
lodsw | | ad o16
lodsd | | ad o32
lodsq | | ad w
scasb | | ae
scasw | | af o16
scasd | | af o32
scasq | | af w
insb | | 6c
insw | | 6d o16
insd | | 6d o32
outsb | | 6e
outsw | | 6f o16
outsd | | 6f o32
lock | | f0
rep repe repz | | f3
repne repnz | | f2
`;

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

/** ADD … CMP: opcode 8·i, immediates in group 1 (SDM Vol. 2, table A-6). */
function arithmetic(): string[] {
  return ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].flatMap((name, i) => [
    `${name} | rm8,r8 | ${hex(8 * i)} /r`,
    `${name} | rmv,rv | ${hex(8 * i + 1)} /r`,
    `${name} | r8,rm8 | ${hex(8 * i + 2)} /r`,
    `${name} | rv,rmv | ${hex(8 * i + 3)} /r`,
    `${name} | al,imm8 | ${hex(8 * i + 4)} ib`,
    `${name} | rmv,imm8s | 83 /${i} ib`,
    `${name} | av,immv | ${hex(8 * i + 5)} iv`,
    `${name} | rm8,imm8 | 80 /${i} ib`,
    `${name} | rmv,immv | 81 /${i} iv`,
  ]);
}

/** Shifts and rotations: group 2. SHL and SAL are one. */
function shifts(): string[] {
  return ["rol", "ror", "rcl", "rcr", "shl sal", "shr", "", "sar"].flatMap((name, i) =>
    ["8", "v"].flatMap((size, wide) =>
      name === ""
        ? []
        : [
            `${name} | rm${size},1 | ${hex(0xd0 + wide)} /${i}`,
            `${name} | rm${size},cl | ${hex(0xd2 + wide)} /${i}`,
            `${name} | rm${size},imm8 | ${hex(0xc0 + wide)} /${i} ib`,
          ],
    ),
  );
}

/** NOT … IDIV: group 3; BT … BTC: group 8; SHLD, SHRD. */
function groups(): string[] {
  const unary = ["not", "neg", "mul", "imul", "div", "idiv"].flatMap((name, i) => [
    `${name} | rm8 | f6 /${i + 2}`,
    `${name} | rmv | f7 /${i + 2}`,
  ]);
  const bits = ["bt", "bts", "btr", "btc"].flatMap((name, i) => [
    `${name} | rmv,rv | 0f ${hex(0xa3 + 8 * i)} /r`,
    `${name} | rmv,imm8 | 0f ba /${i + 4} ib`,
  ]);
  const doubles = ["shld", "shrd"].flatMap((name, i) => [
    `${name} | rmv,rv,imm8 | 0f ${hex(0xa4 + 8 * i)} /r ib`,
    `${name} | rmv,rv,cl | 0f ${hex(0xa5 + 8 * i)} /r`,
  ]);
  return [...unary, ...bits, ...doubles];
}

/** Jcc, SETcc, CMOVcc by condition code (SDM Vol. 1, appendix B). */
function conditions(): string[] {
  const codes = "o|no|b c nae|ae nb nc|e z|ne nz|be na|a nbe|s|ns|p pe|np po|l nge|ge nl|le ng|g nle".split(
    "|",
  );
  return codes.flatMap((names, code) => {
    const all = (prefix: string): string =>
      names
        .split(" ")
        .map((name) => prefix + name)
        .join(" ");
    return [
      `${all("j")} | rel8 | ${hex(0x70 + code)} ob`,
      `${all("j")} | relv | 0f ${hex(0x80 + code)} ov`,
      `${all("set")} | rm8 | 0f ${hex(0x90 + code)} /0`,
      `${all("cmov")} | rv,rmv | 0f ${hex(0x40 + code)} /r`,
    ];
  });
}

/** One encoding of an instruction. */
export interface Form {
  operands: readonly string[];
  opcode: readonly number[];
  mandatoryPrefix?: number;
  /** `r`: ModRM.reg is an operand; `rr`: reg and rm are both the first operand; a digit: opcode extension. */
  modrm?: "r" | "rr" | number;
  /** The low three bits of the last opcode byte are a register. */
  plus: boolean;
  /** Immediates in order of emission: ib, iw, id, iv, iq, ob, ov, far. */
  tail: readonly string[];
  flags: ReadonlySet<string>;
}

function parseForm(operands: string, encoding: string): Form {
  const tokens = encoding.trim().split(" ");
  const slash = tokens.find((token) => token.startsWith("/"))?.slice(1);
  const prefix = tokens.find((token) => /^p(66|f2|f3)$/.test(token))?.slice(1);
  return {
    operands: operands.trim() === "" ? [] : operands.trim().split(","),
    opcode: tokens.filter((token) => /^[\da-f]{2}$/.test(token)).map((token) => parseInt(token, 16)),
    mandatoryPrefix: prefix === undefined ? undefined : parseInt(prefix, 16),
    modrm: slash === undefined ? undefined : slash === "r" || slash === "rr" ? slash : Number(slash),
    plus: tokens.includes("+r"),
    tail: tokens.filter((token) => /^(i[bwdvq]|o[bv]|far)$/.test(token)),
    flags: new Set(tokens.filter((token) => /^(w|o16|o32|d64|x32|x64)$/.test(token))),
  };
}

function parseTable(): Map<string, Form[]> {
  const forms = new Map<string, Form[]>();
  const lines = [...TABLE.trim().split("\n"), ...arithmetic(), ...shifts(), ...groups(), ...conditions()];
  for (const line of lines) {
    const [names, operands, encoding] = line.split("|");
    const form = parseForm(operands, encoding);
    for (const name of names.trim().split(" ")) forms.set(name, [...(forms.get(name) ?? []), form]);
  }
  return forms;
}

/** Forms by lower-case mnemonic, in the order of preference. */
export const FORMS: ReadonlyMap<string, readonly Form[]> = parseTable();

/** Prefixes that stand before a mnemonic on the same line. */
export const PREFIXES: ReadonlySet<string> = new Set(["lock", "rep", "repe", "repz", "repne", "repnz"]);
