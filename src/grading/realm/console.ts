import { hostCall, type Facade } from "./facade.js";

/** `console` of the realm. Random numbers go: a part is the same in every run. */
export function consoleFacade(print: (line: string) => void): Facade {
  return { source: SOURCE, calls: { print: hostCall("console.log", "line: string", print) } };
}

const SOURCE = `(function (host) {
  "use strict";
  const { String: Str, JSON: { stringify }, Math: math } = globalThis;
  const show = (value) => {
    if (typeof value === "string") return value;
    if (typeof value !== "object" || value === null) return Str(value) + (typeof value === "bigint" ? "n" : "");
    return stringify(value, (key, inner) => (typeof inner === "bigint" ? Str(inner) + "n" : inner)) ?? "";
  };
  const print = (...values) => {
    let line = "";
    for (let i = 0; i < values.length; i++) line += (i ? " " : "") + show(values[i]);
    host.print(line);
  };
  delete math.random;
  return (globalThis.console = { log: print, info: print, warn: print, error: print, debug: print });
})`;
