import { InvalidArgumentError } from "commander";

/** An option's value that must be a positive integer. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0) {
    throw new InvalidArgumentError("expected a positive integer.");
  }
  return value;
}
