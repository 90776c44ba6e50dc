/** Between a lab page and the worker that grades for it. Plain data. */
import type { GradeReport } from "../../../lib/grading/report.js";

export interface GradeRequest {
  labId: string;
  source: string;
  /** Addresses of cpu.wasm, of QuickJS and of the guests by name. */
  core: string;
  quickjs: string;
  guests: Readonly<Record<string, string>>;
}

export type GradeAnswer =
  | { type: "progress"; done: number; of: number; title: string }
  | { type: "report"; report: GradeReport }
  | { type: "failed"; message: string };
