import Ajv from "ajv";

/** What is wrong with a value by a JSON schema of draft 7. */
export function violations(schema: object, value: unknown): string[] {
  const ajv = new Ajv({ allErrors: true });
  ajv.validate(schema, value);
  return (ajv.errors ?? []).map((error) => `${error.dataPath} ${error.message}`);
}
