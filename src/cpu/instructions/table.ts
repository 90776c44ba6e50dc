/**
 * The instruction table. Of several rows of one opcode the first that fits is taken, so that special forms come first.
 */
import { ABSENT } from "./absent";
import { CONTROL } from "./control";
import { INTEGER } from "./integer";
import type { Row } from "./row";
import { SIMD } from "./simd";
import { SYSTEM } from "./system";
import { X87 } from "./x87";

export type { Row } from "./row";
export const TABLE: readonly Row[] = [...SYSTEM, ...CONTROL, ...INTEGER, ...SIMD, ...X87, ...ABSENT];
