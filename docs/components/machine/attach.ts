/**
 * Keeps a figure in step with a machine: at most once a frame, and only while it can be seen. The first state is drawn at
 * once wherever the figure stands, so that the page keeps its height when the reader comes to it.
 */
import type { Machine, MachineState } from "./client.js";

export function attach(machine: Machine, host: Element, update: (state: MachineState) => void): void {
  let visible = false;
  let drawn = false;
  let stale = true;
  let asked = false;
  const paint = (): void => {
    asked = false;
    if (!stale || !visible) return;
    stale = false;
    update(machine.state);
  };
  const ask = (): void => {
    if (asked || !visible) return;
    asked = true;
    requestAnimationFrame(paint);
  };
  new IntersectionObserver(
    ([entry]) => {
      visible = entry.isIntersecting;
      if (visible) ask();
    },
    { rootMargin: "200px" },
  ).observe(host);
  machine.subscribe((state) => {
    if (!drawn && state.view) {
      drawn = true;
      update(state);
    }
    stale = true;
    ask();
  });
}
