import { Command, CommanderError } from "commander";
import { benchCommand } from "./bench-command.js";
import { experimentCommand } from "./experiment-command.js";
import { gradeCommand } from "./grade-command.js";
import { guestsCommand } from "./guests-command.js";
import { runCommand } from "./run-command.js";
import { STATUS_USAGE, UsageError } from "./usage-error.js";

/** The `ring1` command: sets the exit status, never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", endOfPipe);
  const program = new Command("ring1")
    .description(
      "Runs guests on a simulated x86-64 machine with VT-x, natively and under the Ring −1 hypervisor.",
    )
    .addCommand(runCommand())
    .addCommand(guestsCommand())
    .addCommand(experimentCommand())
    .addCommand(gradeCommand())
    .addCommand(benchCommand());
  for (const command of [program, ...program.commands])
    command.exitOverride().showHelpAfterError("(--help shows the usage)");
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = statusOf(error);
  }
}

/** Help and version end well; what the user has to correct ends with 125. */
function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : STATUS_USAGE;
  if (error instanceof UsageError) {
    process.stderr.write(`ring1: ${error.message}\n`);
    return STATUS_USAGE;
  }
  process.stderr.write(
    `ring1: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return STATUS_USAGE;
}

/** The reader of standard output has gone, e.g. `ring1 run … | head`: nobody is left to write for. */
function endOfPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") process.stderr.write(`ring1: cannot write standard output: ${error.message}\n`);
  process.exit(STATUS_USAGE);
}
