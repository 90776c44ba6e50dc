/** Source text that cannot be assembled. The message names file, line, the line's text and the cause. */
export class AssemblyError extends Error {
  override readonly name = "AssemblyError";

  /**
   * @param reason what is wrong, without the position
   * @param file name of the source file
   * @param line 1-based line number in that file
   * @param text the offending line as written
   */
  constructor(
    readonly reason: string,
    readonly file: string,
    readonly line: number,
    readonly text: string,
  ) {
    super(`${file}:${line}: ${reason}\n    ${text.trim()}`);
  }
}
