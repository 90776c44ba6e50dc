import type { ExitStatistics } from "./exits.js";

const HEADINGS = ["VM-EXIT", "Samples", "Samples%", "Time%", "Min Time", "Max Time", "Avg time"] as const;
const WIDTHS = [24, 10, 9, 9, 11, 11, 22] as const;

/**
 * The table of `perf kvm stat report`: exits by reason with their share of count and time.
 * @param frequency - cycles per second
 */
export function kvmStat(statistics: readonly ExitStatistics[], frequency: number): string {
  const total = statistics.reduce((sum, { cycles }) => sum + cycles, 0);
  const samples = statistics.reduce((sum, { count }) => sum + count, 0);
  const time = (cycles: number): string => `${((cycles / frequency) * 1e6).toFixed(2)}us`;
  const share = (part: number, whole: number): string =>
    `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(2)}%`;
  const rows = statistics.map(({ name, count, cycles, least, most, error }) => [
    name,
    String(count),
    share(count, samples),
    share(cycles, total),
    time(least),
    time(most),
    `${time(cycles / count)} ( +-${share(error, 1).padStart(8)} )`,
  ]);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padStart(WIDTHS[i]!))
      .join(" ")
      .trimEnd();
  return [
    "Analyze events for all VMs, all VCPUs:",
    "",
    line(HEADINGS),
    "",
    ...rows.map(line),
    "",
    `Total Samples:${samples}, Total events handled time:${time(total)}.`,
    "",
  ].join("\n");
}
