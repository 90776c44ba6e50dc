/** The exit table names its handlers after their reasons: IO_INSTRUCTION is handled by `ioInstruction`. */
export function exportNameOf(exit: string): string {
  return exit.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
