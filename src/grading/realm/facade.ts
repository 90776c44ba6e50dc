import type { HostCall, Kind, Parameter, Primitive } from "./crossing.js";

/**
 * What the functions of a part are given: an object in the realm that has the shape of an interface of the hypervisor, over
 * calls that take and return primitives only. A kind of part has one.
 */
export interface Facade {
  /**
   * JavaScript that runs in the realm before the part does: an expression that is a function of the calls and returns the
   * object. It keeps the intrinsics that it needs, so that a part that replaces them harms nobody but itself.
   */
  readonly source: string;
  readonly calls: Readonly<Record<string, HostCall>>;
}

/**
 * Describes a call.
 * @param title - as the student knows it, e.g. `vcpu.vmwrite`
 * @param parameters - `field: number, value: bigint`
 */
export function hostCall(
  title: string,
  parameters: string,
  call: (...values: never[]) => Primitive | void,
): HostCall {
  return { title, parameters: parse(parameters), call };
}

function parse(parameters: string): Parameter[] {
  if (!parameters) return [];
  return parameters.split(", ").map((parameter) => {
    const [name, kind] = parameter.split(": ");
    return { name, kind: kind as Kind };
  });
}
