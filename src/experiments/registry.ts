import type { Experiment } from "./experiment.js";
import { exitCost } from "./named/exit-cost.js";
import { forkwait } from "./named/forkwait.js";
import { nanobenchmarks } from "./named/nanobenchmarks.js";
import { shadowOrNested } from "./named/shadow-or-nested.js";
import { walk } from "./named/walk.js";

/** The experiments in the order of a menu. */
export const EXPERIMENTS: readonly Experiment[] = [nanobenchmarks, forkwait, exitCost, walk, shadowOrNested];
