import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { GENERATED } from "./paths.js";

interface Face {
  family: string;
  file: string;
  package: string;
  style: "normal" | "italic";
  weight: string;
  /** Fetched before the style sheet asks for it: what the first screen of every page shows. */
  preload?: boolean;
}

const SERIF = "@fontsource-variable/source-serif-4";
const SANS = "@fontsource-variable/source-sans-3";
const MONO = "@fontsource/ibm-plex-mono";

/** The roman has an optical-size axis, so that titles are cut finer than text. */
const FACES: readonly Face[] = [
  {
    family: "Source Serif 4",
    package: SERIF,
    file: "source-serif-4-latin-opsz-normal",
    style: "normal",
    weight: "200 900",
    preload: true,
  },
  {
    family: "Source Serif 4",
    package: SERIF,
    file: "source-serif-4-latin-wght-italic",
    style: "italic",
    weight: "200 900",
  },
  {
    family: "Source Sans 3",
    package: SANS,
    file: "source-sans-3-latin-wght-normal",
    style: "normal",
    weight: "200 900",
    preload: true,
  },
  {
    family: "Source Sans 3",
    package: SANS,
    file: "source-sans-3-latin-wght-italic",
    style: "italic",
    weight: "200 900",
  },
  {
    family: "IBM Plex Mono",
    package: MONO,
    file: "ibm-plex-mono-latin-400-normal",
    style: "normal",
    weight: "400",
  },
  {
    family: "IBM Plex Mono",
    package: MONO,
    file: "ibm-plex-mono-latin-400-italic",
    style: "italic",
    weight: "400",
  },
  {
    family: "IBM Plex Mono",
    package: MONO,
    file: "ibm-plex-mono-latin-600-normal",
    style: "normal",
    weight: "600",
  },
];

/** Local faces stretched to the metrics of ours, so that nothing moves when ours arrive. */
const FALLBACKS = `
@font-face {
  font-family: "Source Serif fallback";
  src: local("Georgia"), local("Gelasio");
  size-adjust: 94%;
}
@font-face {
  font-family: "Source Sans fallback";
  src: local("Arial"), local("Liberation Sans");
  size-adjust: 92%;
}
`;

export const PRELOADED_FONTS = FACES.filter((face) => face.preload).map((face) => `${face.file}.woff2`);

export const FONT_FOLDER = path.join(GENERATED, "fonts");

/** Copies the faces that the site uses and writes the style sheet that names them. */
export function copyFonts(): void {
  const require = createRequire(import.meta.url);
  mkdirSync(FONT_FOLDER, { recursive: true });
  const rules = FACES.map((face) => {
    const folder = path.dirname(require.resolve(`${face.package}/package.json`));
    const target = path.join(FONT_FOLDER, `${face.file}.woff2`);
    if (!existsSync(target)) copyFileSync(path.join(folder, "files", `${face.file}.woff2`), target);
    return `@font-face {
  font-family: "${face.family}";
  font-style: ${face.style};
  font-weight: ${face.weight};
  font-display: swap;
  src: url("fonts/${face.file}.woff2") format("woff2");
}`;
  });
  writeFileSync(path.join(GENERATED, "fonts.css"), rules.join("\n") + FALLBACKS);
}
