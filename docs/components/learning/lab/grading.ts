/** Grading in a worker: progress while it lasts, and a stop that always works. */
import { FileAttachment } from "observablehq:stdlib";
import { CORE, GUEST_IMAGES, PARAVIRTUAL_IMAGES } from "../../machine/assets.js";
import type { GradeReport } from "../../../lib/grading/report.js";
import type { GradeAnswer, GradeRequest } from "./protocol.js";

const WORKER = FileAttachment("../../generated/grade.worker.js").href;
const QUICKJS = FileAttachment("../../generated/quickjs.wasm").href;

/** Guests as the grader names them. */
const GUESTS: Readonly<Record<string, string>> = {
  ...GUEST_IMAGES,
  ...Object.fromEntries(Object.entries(PARAVIRTUAL_IMAGES).map(([name, address]) => [`${name}.pv`, address])),
};

export interface Grading {
  /** Rejects when the grader itself fails; never settles after a stop. */
  report: Promise<GradeReport>;
  stop(): void;
}

export function startGrading(
  labId: string,
  source: string,
  onProgress: (progress: { done: number; of: number; title: string }) => void,
): Grading {
  const worker = new Worker(WORKER, { type: "module" });
  const report = new Promise<GradeReport>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<GradeAnswer>) => {
      if (data.type === "progress") return onProgress(data);
      worker.terminate();
      if (data.type === "report") resolve(data.report);
      else reject(new Error(data.message));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      reject(new Error(event.message || "the grader could not be started"));
    };
  });
  worker.postMessage({
    labId,
    source,
    core: CORE,
    quickjs: QUICKJS,
    guests: GUESTS,
  } satisfies GradeRequest);
  return { report, stop: () => worker.terminate() };
}
