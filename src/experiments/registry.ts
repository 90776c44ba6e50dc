import type { Experiment } from "./experiment.js";
import { exitCost } from "./named/exit-cost.js";
import { shadowOrNested } from "./named/shadow-or-nested.js";
import { walk } from "./named/walk.js";

/** The experiments in the order of a menu. */
export const EXPERIMENTS: readonly Experiment[] = [exitCost, walk, shadowOrNested];
