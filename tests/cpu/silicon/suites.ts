import type { Form } from "./case.js";
import { GENERAL } from "./general-cases.js";
import { SIMD } from "./simd-cases.js";
import { X87 } from "./x87-cases.js";

/** A recording each. */
export const SUITES: Readonly<Record<string, readonly Form[]>> = { general: GENERAL, simd: SIMD, x87: X87 };
