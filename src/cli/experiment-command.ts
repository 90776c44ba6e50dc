import { Command, Option } from "commander";
import { report, type Row } from "../experiments/experiment.js";
import { EXPERIMENTS } from "../experiments/registry.js";
import { PRESETS, type PresetName } from "../machine/costs.js";
import { loadCore, loadDecoder, readGuestFile } from "./assets.js";
import { writeOutput } from "./output-file.js";
import { suggest } from "./suggest.js";
import { UsageError } from "./usage-error.js";

interface ExperimentOptions {
  processor?: PresetName;
  json?: string;
}

/** `ring1 experiment`. */
export function experimentCommand(): Command {
  return new Command("experiment")
    .summary("run an experiment")
    .description("Runs a named experiment on the simulated machine and prints its rows.")
    .argument("<name>", "see below")
    .addOption(processorOption("measure this processor only"))
    .option("--json <file>", "write the rows")
    .addHelpText("after", listOfExperiments())
    .action(run);
}

/** `--processor PRESET`. */
export function processorOption(description: string): Option {
  return new Option("--processor <preset>", description).choices(Object.keys(PRESETS));
}

function listOfExperiments(): string {
  const lines = EXPERIMENTS.map(({ name, description }) => `  ${name.padEnd(18)}${description}`);
  return `\nExperiments:\n${lines.join("\n")}`;
}

function run(name: string, { processor, json }: ExperimentOptions): void {
  const experiment = EXPERIMENTS.find((entry) => entry.name === name);
  if (experiment === undefined) throw new UsageError(noSuchExperiment(name));
  const result = report(experiment, {
    core: loadCore(),
    decoder: loadDecoder(),
    image: readGuestFile,
    processor,
  });
  process.stdout.write(table(experiment.columns, result.rows));
  if (json !== undefined) writeOutput(json, `${JSON.stringify(result, null, 2)}\n`);
}

function noSuchExperiment(name: string): string {
  const names = EXPERIMENTS.map((entry) => entry.name);
  const close = suggest(name, names);
  const hint = close.length > 0 ? `did you mean ${close.join(" or ")}?` : `there are ${names.join(", ")}.`;
  return `there is no experiment called ${name}; ${hint}`;
}

/** Columns as wide as their widest cell; numbers to the right. */
function table(columns: readonly string[], rows: readonly Row[]): string {
  const cells = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const numeric = columns.map((column) => rows.every((row) => typeof row[column] !== "string"));
  return cells
    .map((line) =>
      line
        .map((text, i) => (numeric[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function cell(value: Row[string] | undefined): string {
  return value === null || value === undefined ? "–" : String(value);
}
