/**
 * The instruction table. Of several rows of one opcode the first that fits is taken, so that special forms come first.
 */
import { CONTROL } from "./control";
import { INTEGER } from "./integer";
import type { Row } from "./row";
import { SYSTEM } from "./system";

export type { Row } from "./row";
export const TABLE: readonly Row[] = [...SYSTEM, ...CONTROL, ...INTEGER];
