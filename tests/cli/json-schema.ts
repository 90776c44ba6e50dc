interface Schema {
  type?: string;
  enum?: unknown[];
  minimum?: number;
  required?: string[];
  properties?: Record<string, Schema | undefined>;
  additionalProperties?: boolean | Schema;
}

/** The part of JSON Schema (draft 7) that this project's schemas use. @returns what is wrong, with its place */
export function validate(schema: unknown, value: unknown, at = "$"): string[] {
  const { type, enum: allowed, minimum, required, properties = {}, additionalProperties } = schema as Schema;
  if (type !== undefined && !hasType(value, type)) return [`${at} is not of type ${type}`];
  if (allowed && !allowed.includes(value)) return [`${at} is none of ${allowed.join(", ")}`];
  if (minimum !== undefined && (value as number) < minimum) return [`${at} is below ${minimum}`];
  if (type !== "object") return [];
  const object = value as Record<string, unknown>;
  const missing = (required ?? []).filter((name) => !(name in object)).map((name) => `${at} lacks ${name}`);
  const inside = Object.entries(object).flatMap(([name, member]) => {
    const own = properties[name] ?? additionalProperties;
    if (own === false) return [`${at} has ${name}`];
    return own === undefined || own === true ? [] : validate(own, member, `${at}.${name}`);
  });
  return [...missing, ...inside];
}

function hasType(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
