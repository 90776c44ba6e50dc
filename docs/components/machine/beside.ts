/** Other machines that run the same program as the page's own, for comparison: nobody steps through them. */
import { Machine, type MachineOptions } from "./client.js";

/**
 * Runs machines beside another one as soon as that one has left its start.
 * @param heard - told what each has printed, in the order of `setups`, whenever that changes
 * @returns what ends them
 */
export function runBeside(
  machine: Machine,
  setups: readonly MachineOptions[],
  heard: (consoles: readonly string[]) => void,
): () => void {
  const consoles = setups.map(() => "");
  let machines: Machine[] | null = null;
  const start = (): Machine[] =>
    setups.map((setup, i) => {
      const other = new Machine(setup);
      other.subscribe(({ view }) => {
        if (!view || view.console === consoles[i]) return;
        consoles[i] = view.console;
        heard([...consoles]);
      });
      other.runWhenReady();
      return other;
    });
  const stop = machine.subscribe(({ view }) => {
    if (view && view.phase !== "ready") machines ??= start();
  });
  return () => {
    stop();
    for (const other of machines ?? []) other.dispose();
  };
}
