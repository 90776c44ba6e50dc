import { loadAssembler } from "../../src/guests/assemble.js";

const assemble = await loadAssembler();

const SETUP_SECTORS = 1;
const SECTOR = 512;
const ENTRY_64 = 0x200;
const KERNEL = 0x10_0000;
const MIB = 2 ** 20;

/** A kernel by the boot protocol whose 64-bit entry is this assembly: a bzImage that fits in a test. */
export function bzImage(source: string): Buffer {
  const code = assemble([{ name: "kernel", text: `.code64\n${source}\n` }], {
    origin: KERNEL + ENTRY_64,
  }).bytes;
  const setup = (SETUP_SECTORS + 1) * SECTOR;
  const bytes = Buffer.alloc(setup + ENTRY_64 + code.length);
  bytes.writeUInt8(SETUP_SECTORS, 0x1f1);
  bytes.writeUInt16LE(0x6aeb, 0x200); // jump over the header
  bytes.write("HdrS", 0x202, "latin1");
  bytes.writeUInt16LE(0x020f, 0x206); // protocol 2.15
  bytes.writeUInt8(1, 0x211); // LOADED_HIGH
  bytes.writeUInt32LE(0x7fff_ffff, 0x22c); // initrd_addr_max
  bytes.writeUInt16LE(1, 0x236); // XLF_KERNEL_64
  bytes.writeUInt32LE(2047, 0x238); // cmdline_size
  bytes.writeBigUInt64LE(BigInt(KERNEL), 0x258); // pref_address
  bytes.writeUInt32LE(MIB, 0x260); // init_size
  bytes.set(code, setup + ENTRY_64);
  return bytes;
}

/** Says that it is ready, echoes what is typed, and powers the machine off at a full stop. */
export const ECHO = `
  mov ecx, offset ready
next:
  mov al, [rcx]
  test al, al
  jz wait
  mov edx, 0x3f8
  out dx, al
  inc ecx
  jmp next
wait:
  mov edx, 0x3fd
  in al, dx
  test al, 1
  jz wait
  mov edx, 0x3f8
  in al, dx
  out dx, al
  cmp al, 0x2e
  jne wait
  mov edx, 0x604
  mov eax, 0x2000
  out dx, ax
ready: .asciz "type: "`;

export const TRIPLE_FAULT = "ud2";
