import { existsSync, statSync, watch, type FSWatcher } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { PART, PathError } from "./find-submissions.js";

/** Milliseconds that an editor gets to finish saving. */
const SETTLE = 100;

/** Watches the parts in some paths, from its making on. */
export class Changes {
  private readonly watchers: FSWatcher[];
  private changed = false;
  private wake: () => void = () => {};

  /** @throws PathError for a path that names nothing */
  constructor(paths: readonly string[]) {
    const notice = (): void => {
      this.changed = true;
      this.wake();
    };
    this.watchers = paths.map((given) => watchPath(given, notice));
  }

  /** Calls back after every change, one call at a time, until the signal. */
  async each(callback: () => Promise<unknown>, signal?: AbortSignal): Promise<void> {
    signal?.addEventListener("abort", () => this.wake(), { once: true });
    while (!signal?.aborted) {
      if (!this.changed) await new Promise<void>((resolve) => (this.wake = resolve));
      if (!this.changed || signal?.aborted) continue;
      await setTimeout(SETTLE);
      this.changed = false;
      await callback();
    }
    for (const watcher of this.watchers) watcher.close();
  }
}

/** A file is watched through its folder: many editors save by putting a new file in its place. */
function watchPath(given: string, notice: () => void): FSWatcher {
  if (!existsSync(given)) throw new PathError(`${given}: no such file or folder`);
  if (statSync(given).isDirectory()) {
    return watch(given, { recursive: true }, (_event, name) => {
      if (name !== null && PART.test(name)) notice();
    });
  }
  return watch(path.dirname(given), (_event, name) => {
    if (name === path.basename(given)) notice();
  });
}
