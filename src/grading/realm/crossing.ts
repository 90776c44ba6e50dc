import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core";

/** The kinds of plain data that cross between the realm and the host. */
export type Kind = "number" | "bigint" | "string" | "integer or undefined";
export type Primitive = number | bigint | string | boolean | undefined;

/** A parameter of a call that crosses: its name in messages and what it must be. */
export interface Parameter {
  name: string;
  kind: Kind;
}

/** A call that the realm may make. Arguments have been checked against the parameters. */
export interface HostCall {
  /** As the student knows it, e.g. `vcpu.vmwrite`; `*` stands for the first argument. */
  title: string;
  parameters: readonly Parameter[];
  /** Throws RangeError or TypeError for values that the hypervisor refuses; the student's code may catch them. */
  call(...values: never[]): Primitive | void;
}

/** The arguments as host values, or a sentence that says which one is of the wrong type. */
export function takeArguments(
  context: QuickJSContext,
  { title, parameters }: HostCall,
  handles: readonly QuickJSHandle[],
): Primitive[] | string {
  const values: Primitive[] = [];
  for (const [i, parameter] of parameters.entries()) {
    const handle = handles[i] ?? context.undefined;
    const value = takePrimitive(context, handle);
    if (value === REFUSED || !isOfKind(value, parameter.kind)) {
      const call = title.replace("*", String(values[0]));
      return `${call}: ${parameter.name} must be ${expected(parameter.kind)}, got ${describe(context, handle)}`;
    }
    values.push(value);
  }
  return values;
}

const REFUSED = Symbol("not plain data");

/** A primitive of the realm; undefined for anything else. */
export function readPrimitive(context: QuickJSContext, handle: QuickJSHandle): Primitive {
  if (context.typeof(handle) === "boolean") return context.eq(handle, context.true);
  const value = takePrimitive(context, handle);
  return value === REFUSED ? undefined : value;
}

function takePrimitive(context: QuickJSContext, handle: QuickJSHandle): Primitive | typeof REFUSED {
  switch (context.typeof(handle)) {
    case "number":
      return context.getNumber(handle);
    case "bigint":
      return context.getBigInt(handle);
    case "string":
      return context.getString(handle);
    case "undefined":
      return undefined;
    default:
      return REFUSED;
  }
}

function isOfKind(value: Primitive, kind: Kind): boolean {
  if (kind === "integer or undefined") return value === undefined || Number.isSafeInteger(value);
  if (kind === "number") return Number.isSafeInteger(value);
  return typeof value === kind;
}

function expected(kind: Kind): string {
  if (kind === "bigint") return "a bigint";
  if (kind === "string") return "a string";
  return kind === "number" ? "a whole number" : "a whole number or undefined";
}

/** A value of the realm in words, without running any of the realm's code. */
export function describe(context: QuickJSContext, handle: QuickJSHandle): string {
  const value = takePrimitive(context, handle);
  if (value === undefined) return "undefined";
  if (value === REFUSED) {
    if (context.eq(handle, context.null)) return "null";
    const type = context.typeof(handle);
    return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
  }
  if (typeof value === "string") return `the string ${JSON.stringify(clip(value, 40))}`;
  return `the ${typeof value} ${clip(String(value), 40)}${typeof value === "bigint" ? "n" : ""}`;
}

/** Text of the realm, cut to a length that a report can carry. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** A host value as a handle of the realm. */
export function give(context: QuickJSContext, value: Primitive): QuickJSHandle {
  switch (typeof value) {
    case "number":
      return context.newNumber(value);
    case "bigint":
      return context.newBigInt(value);
    case "string":
      return context.newString(value);
    case "boolean":
      return value ? context.true : context.false;
    case "undefined":
      return context.undefined;
  }
}
