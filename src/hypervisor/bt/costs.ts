import * as K from "../../spec/call-outs.js";
import { MONITOR_SYSCALL, MONITOR_SYSENTER, MONITOR_VECTOR } from "../../spec/monitor-reasons.js";
import { PAGE_FAULT } from "../../spec/vectors.js";
import { PRESETS } from "../../machine/costs.js";

/**
 * Cycles of the monitor's own code by what it does, beside what the processor charges for the delivery and IRETQ, and for
 * translated code itself: on the Pentium 4 672, where they were measured.
 */
const DISPATCH = 150;

/**
 * RDTSC by a call-out takes 1254 cycles (Adams & Agesen, figure 4's text): 889 of them are delivery and IRET, the rest is this
 * dispatch and a small handler. The others are assumptions in its proportion.
 */
const SMALL = 200;
const BY_REASON: Readonly<Record<number, number>> = {
  [K.CALL_OUT_LOOK_UP]: 100,
  [K.CALL_OUT_INTERRUPT]: 100,
  [K.CALL_OUT_PORT]: 400,
  [K.CALL_OUT_STRING_PORT]: 400,
  [K.CALL_OUT_WRITE_CR]: 400,
  [K.CALL_OUT_INT]: 600,
  [K.CALL_OUT_IRET]: 500,
  [MONITOR_SYSCALL]: 400,
  [MONITOR_SYSENTER]: 400,
  [MONITOR_VECTOR + PAGE_FAULT]: 800,
};
/** The translator's work on one instruction of the guest (Adams & Agesen, section 3). */
const TRANSLATION = 2300;

/** In cycles of Skylake's, as all of the hypervisor's work is counted. */
const work = (cycles: number): number => cycles / PRESETS["pentium4-672"].pace;

export const CYCLES_PER_TRANSLATED_INSTRUCTION = work(TRANSLATION);

export function handlerCycles(reason: number): number {
  return work(DISPATCH + (BY_REASON[reason] ?? SMALL));
}
