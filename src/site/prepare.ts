/** Makes everything that `observable build` and `observable preview` find ready: run it before either. */
import { mkdirSync } from "node:fs";
import { bundleAssembler } from "./assembler.js";
import { copyDecoder } from "./decoder.js";
import { copyFonts } from "./fonts.js";
import { bundleGrading } from "./grading.js";
import { writeHypervisorSources } from "./hypervisor-sources.js";
import { writeLinux } from "./linux.js";
import { linkSource } from "./link-source.js";
import { bundleMonaco } from "./monaco.js";
import { seedOfflineCache } from "./offline-cache.js";
import { GENERATED } from "./paths.js";
import { writeProcessor } from "./processor.js";
import { bundleXterm } from "./xterm.js";

mkdirSync(GENERATED, { recursive: true });
linkSource();
seedOfflineCache();
copyFonts();
copyDecoder();
writeHypervisorSources();
writeLinux();
writeProcessor();
await bundleMonaco();
await bundleXterm();
await bundleGrading();
await bundleAssembler();
