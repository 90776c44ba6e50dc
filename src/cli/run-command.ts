import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_MAX_INSTRUCTIONS, DEFAULT_RAM_BYTES, Session } from "../experiments/session.js";
import type { CpuMode, Ending, MemoryMode } from "../experiments/view.js";
import type { PresetName } from "../machine/costs.js";
import { traceEventsJson } from "../trace/export-trace-events.js";
import { Pace } from "../experiments/pace.js";
import { Slices } from "../experiments/slices.js";
import { loadCore, loadDecoder, readImage, readModule, readOperand } from "./assets.js";
import { processorOption } from "./experiment-command.js";
import { Keyboard } from "./keyboard.js";
import { positiveInteger } from "./numbers.js";
import { writeOutput } from "./output-file.js";
import { runReport } from "./run-report.js";
import { TraceCollector } from "./trace-collector.js";
import { UsageError } from "./usage-error.js";

const MIB = 2 ** 20;
/** As after an interrupt from the keyboard. */
const STATUS_QUIT = 130;
/** Milliseconds between two looks at the console. */
const SLICE = 25;
/** Steps between them while the guest sleeps and its user is awake. */
const IDLE_STEPS = 8_000;
/** Simulated milliseconds that a guest at a terminal may sleep through at once. */
const SLACK = 2_000;
/** Steps in which the trace ring cannot run over. */
const TRACED_STEPS = 8_192;

interface RunOptions {
  cpuMode: CpuMode;
  memoryMode?: MemoryMode;
  ram?: number;
  cpus: number;
  append?: string;
  initrd?: string;
  module: string[];
  maxInstructions: number;
  processor?: PresetName;
  json?: string;
  trace?: string;
}

/** `ring1 run`. */
export function runCommand(): Command {
  return new Command("run")
    .summary("run a guest")
    .description(
      "Runs a guest on the bare simulated machine or in a VM. Its console is standard input and output; everything else goes to standard error.",
    )
    .argument("<image>", "name of a built-in guest (see: ring1 guests), or an image file")
    .addOption(
      new Option(
        "--cpu-mode <mode>",
        "bare machine, or a VM: with VT-x, by binary translation, or paravirtual",
      )
        .choices(["native", "vtx", "bt", "pv"])
        .default("vtx"),
    )
    .addOption(
      new Option(
        "--memory-mode <mode>",
        "memory of a VM: the processor's second dimension, shadow page tables, or (pv) the guest's own",
      ).choices(["nested", "shadow", "direct"]),
    )
    .option(
      "--ram <mib>",
      `RAM of the guest in MiB (default: ${DEFAULT_RAM_BYTES / MIB}, or what a built-in guest wants)`,
      positiveInteger,
    )
    .option("--cpus <n>", "processors of the guest, 1 to 4", positiveInteger, 1)
    .option("--append <cmdline>", "command line of the guest; added to that of a built-in kernel")
    .option("--initrd <file>", "initial RAM file system of a Linux kernel")
    .option("--module <file>", "boot module; may be given more than once", collect, [])
    .option(
      "--max-instructions <n>",
      "end the run after so many instructions",
      positiveInteger,
      DEFAULT_MAX_INSTRUCTIONS,
    )
    .addOption(processorOption("cost model of the processor (default: skylake)"))
    .option("--json <file>", "write a report of the run")
    .option("--trace <file>", "write a trace for Perfetto or chrome://tracing")
    .addHelpText("after", STATUS_HELP)
    .action(async (image: string, options: RunOptions) => {
      process.exitCode = await run(image, options);
    });
}

const STATUS_HELP = `
Keyboard:
  Standard input is typed at the guest's console: a file at once, a pipe as it comes. At a terminal every key goes to the
  guest, Ctrl-C too; Ctrl-A x quits, Ctrl-A Ctrl-A types Ctrl-A.

Exit status:
  2v+1  the guest wrote v to port 0xf4 (the shell sees the low byte)
  0     the guest powered the machine off, or reset it
  124   the instruction budget is used up, or the guest is halted for good
  125   the command line, the image or an output file is at fault, or the hypervisor is
  126   triple fault
  130   the user quit with Ctrl-A x`;

function collect(file: string, files: string[]): string[] {
  if (file === "") throw new InvalidArgumentError("expected a file.");
  return [...files, file];
}

async function run(imageName: string, options: RunOptions): Promise<number> {
  const output: number[] = [];
  const session = createSession(imageName, options, (byte) => output.push(byte));
  const collector = options.trace === undefined ? null : new TraceCollector(session);
  const ending = await runAtConsole(session, collector ? TRACED_STEPS : undefined, () => {
    if (output.length > 0) process.stdout.write(Uint8Array.from(output.splice(0)));
    collector?.collect();
  });
  if (ending === null) return STATUS_QUIT;
  process.stderr.write(`ring1: ${ending.message}\n`);
  if (options.json !== undefined) {
    const report = runReport(session, imageName, ending);
    writeOutput(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (options.trace !== undefined && collector) {
    if (collector.dropped > 0)
      process.stderr.write(`ring1: the trace begins ${collector.dropped} records late\n`);
    writeOutput(
      options.trace,
      JSON.stringify(traceEventsJson(collector.events, session.machine.clock.frequency)),
    );
  }
  return ending.status & 0xff;
}

/**
 * Runs to the end, with standard input as the keyboard.
 * @param mostSteps - of a slice
 * @param afterSlice - called after each
 * @returns null when the user quits
 */
async function runAtConsole(
  session: Session,
  mostSteps: number | undefined,
  afterSlice: () => void,
): Promise<Ending | null> {
  const keyboard = new Keyboard();
  const now = (): number => performance.now();
  const slices = new Slices(SLICE, now, mostSteps);
  const pace = new Pace(session.machine.clock.frequency, SLACK);
  if (keyboard.interactive) process.stderr.write("ring1: Ctrl-A x quits\n");
  try {
    for (let wait = 0; !keyboard.quit;) {
      await keyboard.listen(wait);
      const typed = keyboard.take();
      session.type(typed);
      if (typed.length > 0) pace.forgive();
      if (wait > 0) session.run({ instructions: IDLE_STEPS });
      else slices.during((instructions) => session.run({ instructions }));
      afterSlice();
      if (session.ending && !(session.waitsForInput && keyboard.open)) return session.ending;
      const { cycles } = session.machine.processor;
      if (session.ending) wait = Infinity;
      else wait = keyboard.interactive ? pace.wait(cycles, now()) : 0;
    }
    return null;
  } finally {
    keyboard.close();
  }
}

function createSession(imageName: string, options: RunOptions, onConsole: (byte: number) => void): Session {
  if (options.memoryMode !== undefined && options.cpuMode === "native")
    throw new UsageError(`--memory-mode ${options.memoryMode} is of a VM; --cpu-mode native has none`);
  const files = readImage(imageName, options.cpuMode === "pv");
  const { ram = files.ramMebibytes ?? DEFAULT_RAM_BYTES / MIB, append } = options;
  try {
    return Session.create({
      core: loadCore(),
      image: files.image,
      name: imageName,
      cpuMode: options.cpuMode,
      decoder: options.cpuMode === "bt" ? loadDecoder() : undefined,
      memoryMode: options.memoryMode,
      ramBytes: ram * MIB,
      processors: options.cpus,
      commandLine: [files.commandLine, append].filter((words) => words !== undefined).join(" "),
      initrd: options.initrd === undefined ? files.initrd : readOperand(options.initrd, "initramfs"),
      modules: options.module.map(readModule),
      maxInstructions: options.maxInstructions,
      preset: options.processor,
      trace: options.trace !== undefined,
      onConsole,
    });
  } catch (error) {
    if (error instanceof Error && ["ImageError", "RangeError"].includes(error.name))
      throw new UsageError(`${imageName}: ${error.message}`);
    throw error;
  }
}
