import type { Lab } from "../src/grading/lab.js";
import { cpuidMsr } from "./cpuid-msr/lab.js";
import { eptViolations } from "./ept-violations/lab.js";
import { hypercalls } from "./hypercalls/lab.js";
import { pageWalker } from "./page-walker/lab.js";

/** All labs, in the order of their chapters. */
export const LABS: readonly Lab[] = [hypercalls, cpuidMsr, pageWalker, eptViolations];

/** The lab of this id. */
export function findLab(id: string): Lab | undefined {
  return LABS.find((lab) => lab.id === id);
}
