/** Other machines that run the same program as the page's own, for comparison: nobody steps through them. */
import { Machine, type MachineOptions, type MachineState } from "./client.js";

/**
 * Runs machines beside another one as soon as that one has left its start.
 * @param heard - told where each stands, in the order of `setups`, whenever one has stopped; null: nowhere yet
 * @returns what ends them
 */
export function runBeside(
  machine: Machine,
  setups: readonly MachineOptions[],
  heard: (others: readonly (MachineState | null)[]) => void,
): () => void {
  const states: (MachineState | null)[] = setups.map(() => null);
  let machines: Machine[] | null = null;
  const start = (): Machine[] =>
    setups.map((setup, i) => {
      const other = new Machine(setup);
      other.subscribe((state) => {
        if (state.status !== "ended") return;
        states[i] = state;
        heard([...states]);
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
