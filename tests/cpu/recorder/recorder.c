// Executes single user-mode instructions on the real processor.
//
// Input, a record a case: u8 length, 15 code bytes, 16 x u64 registers, u64 RFLAGS, u64 (unused), 512 bytes FXSAVE image,
// 4096 bytes of data. Output: 16 x u64 registers, u64 RFLAGS, u64 signal (0 = none), 512 bytes FXSAVE image, 4096 bytes of
// data. After a signal RFLAGS and the general-purpose registers mean nothing.
// Data lies at 0x800000, code at 0xA00000; RSP must point into the data.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define DATA ((uint8_t *)0x800000)
#define CODE ((uint8_t *)0xA00000)

struct state { uint64_t registers[16], flags, signal, host, entry; };
// At 0x900000: struct state; at 0x900200: the FXSAVE image.
#define STATE ((struct state *)0x900000)
#define IMAGE ((uint8_t *)0x900200)

void execute(void);
void returned(void);
__asm__(
    ".intel_syntax noprefix\n"
    ".globl execute\nexecute:\n"
    "push rbx; push rbp; push r12; push r13; push r14; push r15\n"
    "mov [0x900090], rsp\n"
    "fxrstor64 [0x900200]\n"
    "push qword ptr [0x900080]; popfq\n"
    "mov rcx, [0x900008]; mov rdx, [0x900010]; mov rbx, [0x900018]\n"
    "mov rsp, [0x900020]; mov rbp, [0x900028]; mov rsi, [0x900030]; mov rdi, [0x900038]\n"
    "mov r8, [0x900040]; mov r9, [0x900048]; mov r10, [0x900050]; mov r11, [0x900058]\n"
    "mov r12, [0x900060]; mov r13, [0x900068]; mov r14, [0x900070]; mov r15, [0x900078]\n"
    "mov rax, [0x900000]\n"
    "jmp qword ptr [0x900098]\n"
    ".globl returned\nreturned:\n"
    "mov [0x900000], rax; mov [0x900008], rcx; mov [0x900010], rdx; mov [0x900018], rbx\n"
    "mov [0x900020], rsp; mov [0x900028], rbp; mov [0x900030], rsi; mov [0x900038], rdi\n"
    "mov [0x900040], r8; mov [0x900048], r9; mov [0x900050], r10; mov [0x900058], r11\n"
    "mov [0x900060], r12; mov [0x900068], r13; mov [0x900070], r14; mov [0x900078], r15\n"
    "mov rsp, [0x900090]\n"
    "pushfq; pop qword ptr [0x900080]\n"
    "cld\n"
    // After a signal the handler has taken the image from the interrupted context.
    "cmp qword ptr [0x900088], 0; jne 1f\n"
    "fxsave64 [0x900200]\n"
    "1: fninit; push 0x1f80; ldmxcsr [rsp]; pop rax\n"
    "pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx\n"
    "ret\n"
    ".att_syntax\n");

static void caught(int number, siginfo_t *info, void *context) {
  (void)info;
  mcontext_t *interrupted = &((ucontext_t *)context)->uc_mcontext;
  STATE->signal = number;
  memcpy(IMAGE, interrupted->fpregs, 512);
  interrupted->gregs[REG_RIP] = (greg_t)returned;
  // An exception that waits in the x87 would be raised again.
  interrupted->fpregs->swd &= ~0x80ff;
}

int main(void) {
  static uint8_t stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTRAP};
  for (int i = 0; i < 5; i++) sigaction(signals[i], &action, NULL);
  uint8_t *places[] = {DATA, (uint8_t *)STATE, CODE};
  for (int i = 0; i < 3; i++)
    if (mmap(places[i], 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != places[i]) return 1;
  static struct { uint8_t length, code[15]; uint64_t registers[16], flags, unused; uint8_t image[512], data[4096]; } in;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    memcpy(DATA, in.data, 4096);
    memset(CODE, 0x90, 64);
    memcpy(CODE, in.code, in.length);
    // jmp [rip+0]; address of `returned`
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
    uint64_t back = (uint64_t)returned;
    memcpy(CODE + in.length, jump, 6);
    memcpy(CODE + in.length + 6, &back, 8);
    memcpy(STATE->registers, in.registers, sizeof in.registers);
    memcpy(IMAGE, in.image, 512);
    STATE->flags = in.flags;
    STATE->signal = 0;
    STATE->entry = (uint64_t)CODE;
    __asm__ volatile("" ::: "memory");
    execute();
    fwrite(STATE->registers, sizeof in.registers, 1, stdout);
    fwrite(&STATE->flags, 8, 1, stdout);
    fwrite(&STATE->signal, 8, 1, stdout);
    fwrite(IMAGE, 512, 1, stdout);
    fwrite(DATA, 4096, 1, stdout);
  }
  return 0;
}
