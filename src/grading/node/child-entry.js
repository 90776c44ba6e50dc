// First file of a grading process: the engine is TypeScript and is translated while it is loaded.
import process from "node:process";
import { register } from "tsx/esm/api";

register();
try {
  await import("./child.ts");
} catch (error) {
  process.send({ stopped: String(error) });
}
