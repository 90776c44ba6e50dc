import * as H from "../../../spec/hypercalls.js";
import { consoleRead, consoleWrite } from "./console.js";
import * as E from "./events.js";
import type { Hypercall } from "./hypercall.js";
import { mmuOperate, mmuUpdate, updateMapping } from "./memory.js";
import * as P from "./processor.js";
import { shutdown } from "./shutdown.js";

/** By its name in spec/hypercalls. */
export type HypercallName = keyof typeof H;
export type HypercallNumber = (typeof H)[keyof typeof H];

/** What each hypercall does, by its number. */
export const HYPERCALLS = {
  [H.VERSION]: P.version,
  [H.CONSOLE_WRITE]: consoleWrite,
  [H.CONSOLE_READ]: consoleRead,
  [H.MMU_UPDATE]: mmuUpdate,
  [H.MMU_OPERATE]: mmuOperate,
  [H.UPDATE_MAPPING]: updateMapping,
  [H.SET_TRAP_TABLE]: P.setTrapTable,
  [H.STACK_SWITCH]: P.stackSwitch,
  [H.WRITE_MSR]: P.writeMsr,
  [H.READ_MSR]: P.readMsr,
  [H.SWAP_GS]: P.swapGs,
  [H.SET_CALLBACK]: E.setCallback,
  [H.EVENT_BIND]: E.eventBind,
  [H.EVENT_SEND]: E.eventSend,
  [H.EVENT_UNMASK]: E.eventUnmask,
  [H.EVENT_CLOSE]: E.eventClose,
  [H.SET_TIMER]: E.setTimer,
  [H.YIELD]: E.yieldProcessor,
  [H.BLOCK]: E.block,
  [H.INTERRUPT_RETURN]: P.interruptReturn,
  [H.SHUTDOWN]: shutdown,
} as const satisfies Record<HypercallNumber, Hypercall>;

export const HYPERCALL_COUNT = Object.keys(HYPERCALLS).length;

/** All hypercalls of a hypervisor, the own or others in place of them. */
export type Hypercalls = Readonly<Record<HypercallNumber, Hypercall>>;
