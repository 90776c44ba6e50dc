/** Exit status when the command line, an image or an output file is at fault rather than the guest. */
export const STATUS_USAGE = 125;

/** Something that the user has to correct; its message is all that is shown. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
