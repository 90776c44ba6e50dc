#!/usr/bin/env node
// The engine is TypeScript and runs as it stands in a checkout: tsx translates it while it is loaded.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./main.ts");
await main(process.argv);
