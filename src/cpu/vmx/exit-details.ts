/**
 * What an exit reports beside its reason and qualification (SDM Vol. 3, 25.9.2–25.9.5). Whoever raises the exit sets
 * what applies; performing it clears all.
 */
export let instructionLength: u32 = 0;
export let instructionInformation: u32 = 0;
export let interruptionInformation: u32 = 0;
export let interruptionErrorCode: u32 = 0;
export let idtVectoringInformation: u32 = 0;
export let idtVectoringErrorCode: u32 = 0;
/** Guest-linear address of exits by INS, OUTS, LMSW. */
export let operandLinear: u64 = 0;

export function setInstructionLength(length: u32): void { instructionLength = length; }
export function setInstructionInformation(information: u32): void { instructionInformation = information; }
export function setOperandLinear(va: u64): void { operandLinear = va; }

export function setInterruption(information: u32, errorCode: u32): void {
  interruptionInformation = information;
  interruptionErrorCode = errorCode;
}

/** The event whose delivery the exit cuts short; `length` of the instruction where it was a software event. */
export function setIdtVectoring(information: u32, errorCode: u32, length: u32): void {
  idtVectoringInformation = information;
  idtVectoringErrorCode = errorCode;
  if (length != 0) instructionLength = length;
}

export function clearExitDetails(): void {
  instructionLength = 0;
  instructionInformation = 0;
  interruptionInformation = 0;
  interruptionErrorCode = 0;
  idtVectoringInformation = 0;
  idtVectoringErrorCode = 0;
  operandLinear = 0;
}
