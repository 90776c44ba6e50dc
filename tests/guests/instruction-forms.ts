/** Instructions whose encoding is compared with that of GNU as. */

const REGISTERS = [
  "rax",
  "rbx",
  "rsp",
  "rbp",
  "r8",
  "r12",
  "r13",
  "eax",
  "ecx",
  "r9d",
  "ax",
  "dx",
  "r10w",
  "al",
  "ch",
  "sil",
  "r11b",
];
const ADDRESSES = [
  "[rax]",
  "[rbp]",
  "[rsp]",
  "[r13]",
  "[r12]",
  "[rip + 8]",
  "[rax + 8]",
  "[rax - 200]",
  "[rax + rcx * 4]",
  "[rcx + rsp]",
  "[rbp + r9 * 8 + 0x1000]",
  "[rcx * 8 + 0x1234]",
  "[0x1234]",
  "gs:[0x10]",
  "gs:[0]",
  "fs:[rax + 8]",
  "[eax]",
  "[eax + ecx * 2 + 4]",
];
const SIZES = { byte: 1, word: 2, dword: 4, qword: 8 };
const cross = (
  left: readonly string[],
  right: readonly string[],
  join: (a: string, b: string) => string,
): string[] => left.flatMap((a) => right.map((b) => join(a, b)));

/** CH cannot be encoded beside a REX prefix. */
const encodable = (line: string): boolean => !/\bch\b/.test(line) || !/\br\d/.test(line);

const twoOperands = ["mov", "add", "adc", "cmp", "xor", "test", "xchg", "and"].flatMap((op) => [
  ...cross(ADDRESSES, REGISTERS, (m, r) => `${op} ${m}, ${r}`),
  ...cross(REGISTERS, ADDRESSES, (r, m) => `${op} ${r}, ${m}`),
]);

const immediates = ["mov", "add", "cmp", "test", "and", "sub"].flatMap((op) => [
  ...cross(REGISTERS, ["0", "5", "-1", "127", "0x7f", "-128"], (r, i) => `${op} ${r}, ${i}`),
  ...cross(Object.keys(SIZES), ADDRESSES, (s, m) => `${op} ${s} ptr ${m}, 100`),
  `${op} rax, 128`,
  `${op} ecx, -129`,
  `${op} dx, 0x7fff`,
  `${op} r9d, 0xffffffff`,
]);

const oneOperand = ["inc", "dec", "neg", "not", "mul", "imul", "div", "idiv"].flatMap((op) => [
  ...REGISTERS.map((r) => `${op} ${r}`),
  ...cross(Object.keys(SIZES), ADDRESSES, (s, m) => `${op} ${s} ptr ${m}`),
]);

const shifts = ["shl", "shr", "sar", "rol", "ror", "rcl", "rcr"].flatMap((op) =>
  cross([...REGISTERS, "qword ptr [rax]", "byte ptr [rcx]"], ["1", "5", "cl"], (r, c) => `${op} ${r}, ${c}`),
);

const list = (text: string): string[] => text.trim().split(/\s*[|\n]\s*/);

const others = list(`
movzx rax, al | movzx r9d, sil | movzx dx, byte ptr [rcx] | movzx ecx, word ptr [r12] | movsx rax, ax | movsx ecx, al
movsxd rax, ecx | movsxd r9, dword ptr [rax] | movbe eax, [rcx] | movnti [rax], ecx | lea rax, [rcx + rdx * 8 + 5]
lea eax, [rcx + 1] | lea rax, [rip + 0x100] | bt rax, 5 | bts ecx, edx | btr qword ptr [rcx], rdx | btc dword ptr [rcx], 7
cmovz rax, rbx | cmovge r9d, ecx | cmova rax, [rbx] | setz al | setg r9b | sete byte ptr [rax] | bsf rax, rbx
bsr ecx, [rdx] | popcnt rax, rbx | lzcnt eax, ecx | tzcnt r9, r10 | imul rax, rbx | imul rax, rbx, 10
imul eax, [rcx], 1000 | imul r9, r9, 5 | xadd [rax], rcx | lock xadd [rax], rcx | lock cmpxchg [rax], rcx
cmpxchg8b [rax] | cmpxchg16b [rax] | bswap eax | bswap r9 | shld rax, rbx, 5 | shrd eax, ebx, cl | xchg rax, rbx
xchg ax, ax | xchg eax, eax | xchg r8, rax | push rax | push r12 | push qword ptr [rax] | push fs | push gs | push 5
push -1 | push 0x80 | push 0x12345678 | push ax | pop rax | pop r12 | pop qword ptr [rax] | pop fs | pop gs | pop ax
pushfq | popfq | pushf | popf | enter 8, 0 | leave | ret | ret 8 | retf | retfq | iretq | iretd | cbw | cwde | cdqe | cwd
cdq | cqo | nop | pause | hlt | cli | sti | cld | std | clc | stc | cmc | sahf | lahf | xlatb | syscall | sysretq
sysexitq | sysenter | swapgs | wrmsr | rdmsr | rdtsc | rdtscp | rdpmc | cpuid | invlpg [rax] | wbinvd | invd | clts | ud2
int3 | int1 | int 0x80 | lgdt [rax] | lidt [rip + 5] | sgdt [rax] | sidt [rax] | lldt ax | ltr ax | str ax | str eax
sldt ax | smsw ax | smsw eax | lmsw ax | verr ax | verw cx | lar eax, ecx | lsl eax, ecx | mov ax, ds | mov ds, ax
mov ds, eax | mov eax, ds | mov ss, [rax] | mov fs, eax | mov cr0, rax | mov rax, cr0 | mov cr8, rax | mov rax, cr8
mov cr4, r9 | mov dr7, rax | mov rax, dr6 | in al, dx | in eax, dx | in ax, 0x20 | out dx, al | out dx, ax | out 0x20, al
rep movsb | rep movsq | rep stosd | rep stosq | repe cmpsb | repne scasb | lodsb | lodsq | stosw | insb | outsb
rep outsd | jmp rax | jmp [rax] | jmp qword ptr [rax * 8 + 0x1000] | call r11 | call qword ptr [rcx] | vmcall
vmxon [rax] | vmclear [rax] | vmptrld [rax] | vmptrst [rax] | vmlaunch | vmresume | vmxoff | vmfunc | vmread rax, rbx
vmwrite rax, rbx | vmread [rax], rbx | vmwrite rax, [rbx] | invept rax, [rbx] | invvpid r9, [rbx] | monitor | mwait
xgetbv | xsetbv | mfence | lfence | sfence | clflush [rax] | prefetcht0 [rax] | mov rax, 0x1122334455667788
movabs rax, 0x1234 | mov rax, 0x80000000 | mov rax, 0xffffffff | mov eax, 0x80000000 | and rax, -4096 | and ax, 0xff00
and eax, 0xfffff000 | test al, 0x80 | or byte ptr [rax], 0x80 | add byte ptr [rax], 255 | mov word ptr [rax], 0xffff
sub rsp, 0x28 | add qword ptr [rsp], 0x80 | mov rax, (1 << 4 ^ 3) + 'a' | mov eax, -(2 + 3) * 4`);

export const FORMS_64: readonly string[] = [
  ...twoOperands,
  ...immediates,
  ...oneOperand,
  ...shifts,
  ...others,
].filter(encodable);

export const FORMS_32: readonly string[] = list(`
lgdt [0x1000] | lidt [eax] | sgdt [eax] | mov eax, [0x1234] | mov [0x1234], eax | mov ebx, [0x1234] | mov al, [0x12]
push 5 | push 0x8000 | pop eax | push ds | pop ds | push fs | pusha | popa | pushad | popad | pushfd | popfd | pushf | popf
iretd | iret | retf | ret | retf 4 | inc eax | dec ecx | inc word ptr [eax] | mov cr0, eax | mov eax, cr4 | mov ds, ax
mov ds, eax | mov ax, ds | mov eax, ds | ltr ax | lldt ax | str ax | in al, dx | out dx, eax | rep stosd | rep movsd
jmp eax | call eax | jmp [eax] | call dword ptr [eax] | jmp 0x8:0x100010 | enter 8, 0 | xchg eax, ecx | wrmsr | cpuid
mov gs:[0], eax | mov eax, gs:[0] | mov ebx, gs:[4] | mov eax, fs:[ecx] | lea eax, [ecx + edx * 8 + 4] | push ax
push word ptr [eax] | out 0x20, al | invlpg [eax] | movzx eax, byte ptr [ecx] | sysenter | sysexit | mov dr0, eax
lmsw ax | smsw eax | sldt eax | mov eax, -1 | cmp eax, 128 | imul eax, eax, 3 | setz al | shld eax, ecx, 4
cmpxchg8b [eax] | leave | hlt | int3 | int 0x80 | into | xlatb | sahf | test dword ptr [eax], 1 | mov ax, [ebp + 0]`);

/** Real-address mode, as the firmware of boot sectors uses it. */
export const FORMS_16: readonly string[] = [
  "cli",
  "sti",
  "cld",
  "hlt",
  "iret",
  "ret",
  "pushf",
  "popf",
  "pusha",
  "popa",
  "pushad",
  "popad",
  "int 0x13",
  "lodsb",
  "stosw",
  "push ax",
  "push eax",
  "pop ds",
  "push es",
  "mov ax, cs",
  "mov ds, ax",
  "mov ax, 0x1234",
  "mov eax, 0x12345678",
  "mov ax, [0x6c]",
  "mov [0x74], ah",
  "mov word ptr [0x410], 639",
  "mov al, es:[bp]",
  "mov ax, cs:[si]",
  "mov es:[di], ax",
  "movzx edi, bx",
  "movzx ecx, word ptr [si + 2]",
  "or byte ptr [bp + 6], 1",
  "and byte ptr [bp + 6], 0xfe",
  "cmp dword ptr [si + 12], 0",
  "shl eax, 9",
  "mul esi",
  "lea eax, [eax + ecx - 1]",
  "mov eax, cr0",
  "mov cr0, eax",
  "in al, dx",
  "out 0x20, al",
  "cmp ax, 0xe820",
];
