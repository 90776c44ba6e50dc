/**
 * Instructions that concern the state of the system (SDM Vol. 3, 2.8), far transfers, segment registers, ports, VMX.
 * Each ends its block and runs with the state exact.
 */
import { row, type Row } from "./row";

type Options = NonNullable<Parameters<typeof row>[4]>;

const system = (encoding: string, mnemonic: string, operands: string, handler: string, options: Options = {}): Row =>
  row(encoding, mnemonic, operands, handler, { class: "system", cycles: 10, ...options });

const ring0 = { privilege: 0 } as const;

const FAR: Row[] = [
  system("EA", "jmp far", "Ap", "farjmp", { modes: "legacy", size: "v" }),
  system("9A", "call far", "Ap", "farcall", { modes: "legacy", size: "v" }),
  system("FF /5", "jmp far", "Mp", "farjmp", { size: "v" }),
  system("FF /3", "call far", "Mp", "farcall", { size: "v" }),
  system("CA", "ret far", "Iw", "farret", { size: "v" }),
  system("CB", "ret far", "", "farret", { size: "v" }),
  system("CF", "iret", "", "iret", { size: "v", cycles: 1 }),
  system("CC", "int3", "", "int3"),
  system("CD", "int", "Ib", "int_n"),
  system("CE", "into", "", "into", { modes: "legacy" }),
  system("F1", "int1", "", "int1"),
  system("0F 05", "syscall", "", "syscall", { modes: "64", cycles: 1 }),
  system("0F 07", "sysret", "", "sysret", { modes: "64", cycles: 1, size: "v" }),
  system("0F 34", "sysenter", "", "sysenter", { cycles: 1 }),
  system("0F 35", "sysexit", "", "sysexit", { cycles: 1, size: "v" }),
];

const pushSegment = (opcode: string, name: string, modes?: "legacy"): Row =>
  system(opcode, "push", name, "push_sreg", { size: "d64", cycles: 2, modes });
const popSegment = (opcode: string, name: string, modes?: "legacy"): Row =>
  system(opcode, "pop", name, "pop_sreg", { size: "d64", modes });

const SEGMENTS: Row[] = [
  system("8C /r", "mov", "Ev,Sw", "mov_sreg_store", { cycles: 2 }),
  system("8E /r", "mov", "Sw,Ew", "mov_sreg_load", { size: "v" }),
  pushSegment("06", "ES", "legacy"), pushSegment("0E", "CS", "legacy"),
  pushSegment("16", "SS", "legacy"), pushSegment("1E", "DS", "legacy"),
  pushSegment("0F A0", "FS"), pushSegment("0F A8", "GS"),
  popSegment("07", "ES", "legacy"), popSegment("17", "SS", "legacy"), popSegment("1F", "DS", "legacy"),
  popSegment("0F A1", "FS"), popSegment("0F A9", "GS"),
  system("C4 /r", "les", "Gz,Mp", "les", { modes: "legacy", size: "v" }),
  system("C5 /r", "lds", "Gz,Mp", "lds", { modes: "legacy", size: "v" }),
  system("0F B2 /r", "lss", "Gv,Mp", "lss", { size: "v" }),
  system("0F B4 /r", "lfs", "Gv,Mp", "lfs", { size: "v" }),
  system("0F B5 /r", "lgs", "Gv,Mp", "lgs", { size: "v" }),
  system("0F 00 /0", "sldt", "Ev", "sldt", { modes: "protected" }),
  system("0F 00 /1", "str", "Ev", "str", { modes: "protected" }),
  system("0F 00 /2", "lldt", "Ew", "lldt", { modes: "protected", ...ring0 }),
  system("0F 00 /3", "ltr", "Ew", "ltr", { modes: "protected", ...ring0 }),
  system("0F 00 /4", "verr", "Ew", "verr", { modes: "protected", flags: { written: "z" } }),
  system("0F 00 /5", "verw", "Ew", "verw", { modes: "protected", flags: { written: "z" } }),
  system("0F 02 /r", "lar", "Gv,Ew", "lar", { modes: "protected", flags: { written: "z" } }),
  system("0F 03 /r", "lsl", "Gv,Ew", "lsl", { modes: "protected", flags: { written: "z" } }),
];

const FLAGS: Row[] = [
  system("9C", "pushf", "", "pushf", { size: "d64", cycles: 2, flags: { read: "oszapcdi" } }),
  system("9D", "popf", "", "popf", { size: "d64", flags: { written: "oszapcdi" } }),
  system("FA", "cli", "", "cli", { cycles: 4, flags: { written: "i" } }),
  system("FB", "sti", "", "sti", { cycles: 4, flags: { written: "i" } }),
];

const PORTS: Row[] = [
  system("E4", "in", "AL,Ib", "in_", { cycles: 1 }),
  system("E5", "in", "rAX,Ib", "in_", { cycles: 1 }),
  system("E6", "out", "Ib,AL", "out", { size: "byte", cycles: 1 }),
  system("E7", "out", "Ib,rAX", "out", { size: "v", cycles: 1 }),
  system("EC", "in", "AL,DX", "in_", { cycles: 1 }),
  system("ED", "in", "rAX,DX", "in_", { cycles: 1 }),
  system("EE", "out", "DX,AL", "out", { size: "byte", cycles: 1 }),
  system("EF", "out", "DX,rAX", "out", { size: "v", cycles: 1 }),
  system("6C", "ins", "Xb", "ins", { size: "byte", cycles: 1 }),
  system("6D", "ins", "Xv", "ins", { size: "v", cycles: 1 }),
  system("6E", "outs", "Xb", "outs", { size: "byte", cycles: 1 }),
  system("6F", "outs", "Xv", "outs", { size: "v", cycles: 1 }),
];

const CONTROL_REGISTERS: Row[] = [
  system("0F 20 /r", "mov", "Ry,Cy", "movcr_read", { size: "native", ...ring0 }),
  system("0F 21 /r", "mov", "Ry,Dy", "movdr_read", { size: "native", ...ring0 }),
  system("0F 22 /r", "mov", "Cy,Ry", "movcr_write", { size: "native", cycles: 40, lock: false, ...ring0 }),
  system("0F 23 /r", "mov", "Dy,Ry", "movdr_write", { size: "native", cycles: 40, ...ring0 }),
  system("0F 06", "clts", "", "clts", ring0),
  system("0F 01 M/0", "sgdt", "Ms", "sgdt", { size: "native" }),
  system("0F 01 M/1", "sidt", "Ms", "sidt", { size: "native" }),
  system("0F 01 M/2", "lgdt", "Ms", "lgdt", ring0),
  system("0F 01 M/3", "lidt", "Ms", "lidt", ring0),
  system("0F 01 /4", "smsw", "Ev", "smsw"),
  system("0F 01 /6", "lmsw", "Ew", "lmsw", ring0),
  system("0F 01 M/7", "invlpg", "Mb", "invlpg", { addressOnly: true, cycles: 100, ...ring0 }),
  system("0F 01 F8", "swapgs", "", "swapgs", { modes: "64", ...ring0 }),
  system("0F 01 F9", "rdtscp", "", "rdtscp", { feature: "RDTSCP", cycles: 25 }),
  system("NP 0F 01 C8", "monitor", "", "monitor", { feature: "MONITOR", ...ring0 }),
  system("NP 0F 01 C9", "mwait", "", "mwait", { feature: "MONITOR", ...ring0 }),
  system("NP 0F 01 CA", "clac", "", "clac", { feature: "SMAP", ...ring0 }),
  system("NP 0F 01 CB", "stac", "", "stac", { feature: "SMAP", ...ring0 }),
  system("0F 30", "wrmsr", "", "wrmsr", { cycles: 60, ...ring0 }),
  system("0F 31", "rdtsc", "", "rdtsc", { cycles: 25 }),
  system("0F 32", "rdmsr", "", "rdmsr", { cycles: 60, ...ring0 }),
  system("0F 33", "rdpmc", "", "rdpmc"),
  system("0F A2", "cpuid", "", "cpuid", { cycles: 100 }),
  system("0F 08", "invd", "", "invd", { cycles: 100, ...ring0 }),
  system("0F 09", "wbinvd", "", "wbinvd", { cycles: 100, ...ring0 }),
  system("F4", "hlt", "", "hlt", { cycles: 1, ...ring0 }),
  system("F3 90", "pause", "", "pause"),
  system("0F 0B", "ud2", "", "ud2"),
  system("0F B9 /r", "ud1", "Gv,Ev", "ud2", { size: "v" }),
  system("0F FF /r", "ud0", "Gv,Ev", "ud2", { size: "v" }),
  system("0F AA", "rsm", "", "ud2"),
  system("66 0F 38 82 /r", "invpcid", "Gy,Mdq", "invpcid", { size: "native", feature: "INVPCID", cycles: 100, ...ring0 }),
  ...["rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase"].map((name, digit) =>
    system(`F3 0F AE R/${digit}`, name, "Ry", name, { modes: "64", size: "y", feature: "FSGSBASE" }),
  ),
];

const vmx = { feature: "VMX", size: "native", cycles: 1, ...ring0 } as const;

const VMX: Row[] = [
  system("NP 0F 01 C1", "vmcall", "", "vmcall", { feature: "VMX", cycles: 1 }),
  system("NP 0F 01 C2", "vmlaunch", "", "vmlaunch", vmx),
  system("NP 0F 01 C3", "vmresume", "", "vmresume", vmx),
  system("NP 0F 01 C4", "vmxoff", "", "vmxoff", vmx),
  system("NP 0F 01 D4", "vmfunc", "", "vmfunc", { feature: "VMFUNC", cycles: 1 }),
  system("NP 0F 78 /r", "vmread", "Ey,Gy", "vmread", vmx),
  system("NP 0F 79 /r", "vmwrite", "Gy,Ey", "vmwrite", vmx),
  system("66 0F C7 M/6", "vmclear", "Mq", "vmclear", vmx),
  system("F3 0F C7 M/6", "vmxon", "Mq", "vmxon", vmx),
  system("NP 0F C7 M/6", "vmptrld", "Mq", "vmptrld", vmx),
  system("NP 0F C7 M/7", "vmptrst", "Mq", "vmptrst", vmx),
  system("66 0F 38 80 /r", "invept", "Gy,Mdq", "invept", vmx),
  system("66 0F 38 81 /r", "invvpid", "Gy,Mdq", "invvpid", vmx),
];

const EXTENDED_STATE: Row[] = [
  system("NP 0F AE M/0", "fxsave", "M", "fxsave", { feature: "FXSR", cycles: 60 }),
  system("NP 0F AE M/1", "fxrstor", "M", "fxrstor", { feature: "FXSR", cycles: 60 }),
  system("NP 0F AE M/4", "xsave", "M", "xsave", { feature: "XSAVE", cycles: 70 }),
  system("NP 0F AE M/5", "xrstor", "M", "xrstor", { feature: "XSAVE", cycles: 70 }),
  system("NP 0F AE M/6", "xsaveopt", "M", "xsaveopt", { feature: "XSAVEOPT", cycles: 70 }),
  system("NP 0F 01 D0", "xgetbv", "", "xgetbv", { feature: "XSAVE" }),
  system("NP 0F 01 D1", "xsetbv", "", "xsetbv", { feature: "XSAVE", ...ring0 }),
];

export const SYSTEM: readonly Row[] = [
  ...FAR, ...SEGMENTS, ...FLAGS, ...PORTS, ...CONTROL_REGISTERS, ...EXTENDED_STATE, ...VMX,
];
