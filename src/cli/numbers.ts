import { InvalidArgumentError } from "commander";

/** An option's value that must be a positive integer. */
export function positiveInteger(text: string): number {
  const value = integer(text);
  if (value === null || value === 0) throw new InvalidArgumentError("expected a positive integer.");
  return value;
}

/** An option's value that must be zero or a positive integer. */
export function naturalNumber(text: string): number {
  const value = integer(text);
  if (value === null) throw new InvalidArgumentError("expected zero or a positive integer.");
  return value;
}

function integer(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : null;
}
