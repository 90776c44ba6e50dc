import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core";
import { readPrimitive, type Primitive } from "./crossing.js";

/** What a function of a part has returned. */
export interface ReturnedValue {
  /** Undefined for what is no primitive. */
  readonly primitive: Primitive;
  /** A property of an object that was returned; undefined for what is no primitive. */
  property(name: string): Primitive;
}

/** What a function of a part may return. */
export interface Expected<R> {
  /** In words that follow "expected", e.g. `"resume" or "halt"`. */
  readonly words: string;
  /** The value as the hypervisor wants it; undefined for one that it refuses. */
  take(value: ReturnedValue): R | undefined;
}

/** A value as {@link Expected.take} sees it. Properties may be getters of the part: they run on its budget, and may fail. */
export function returnedValue(context: QuickJSContext, handle: QuickJSHandle): ReturnedValue {
  return {
    primitive: readPrimitive(context, handle),
    property(name) {
      if (context.typeof(handle) !== "object" || context.eq(handle, context.null)) return undefined;
      try {
        return context.getProp(handle, name).consume((property) => readPrimitive(context, property));
      } catch {
        return undefined;
      }
    },
  };
}
