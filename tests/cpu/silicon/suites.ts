import type { Form } from "./case.js";
import { GENERAL } from "./general-cases.js";
import { SIMD } from "./simd-cases.js";

/** A recording each. */
export const SUITES: Readonly<Record<string, readonly Form[]>> = { general: GENERAL, simd: SIMD };
