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

/** A member of a plain facade: a property that is read, or a method with its parameters as in {@link hostCall}. */
export type Member =
  { get: () => Primitive } | { parameters: string; call: (...values: never[]) => Primitive | void };

/**
 * A facade whose members are calls as they are.
 * @param title - the name by which the student's functions know the object
 */
export function plainFacade(title: string, members: Readonly<Record<string, Member>>): Facade {
  const calls: Record<string, HostCall> = {};
  const source = Object.entries(members).map(([name, member]) => {
    if ("get" in member) {
      calls[name] = hostCall(`${title}.${name}`, "", member.get);
      return `get ${name}() { return host.${name}(); }`;
    }
    calls[name] = hostCall(`${title}.${name}`, member.parameters, member.call);
    const values = calls[name].parameters.map((_, i) => `v${i}`).join(", ");
    return `${name}: (${values}) => host.${name}(${values})`;
  });
  return {
    source: `(function (host) { "use strict"; return Object.freeze({ ${source.join(", ")} }); })`,
    calls,
  };
}

function parse(parameters: string): Parameter[] {
  if (!parameters) return [];
  return parameters.split(", ").map((parameter) => {
    const [name, kind] = parameter.split(": ");
    return { name, kind: kind as Kind };
  });
}
