// First file of a grading worker: the engine is TypeScript and is translated while it is loaded.
import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
