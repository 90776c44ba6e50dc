/** Fetches xterm.js when the first terminal opens, and gives it our theme. */
import { FileAttachment } from "observablehq:stdlib";
import type * as Fit from "@xterm/addon-fit";
import type * as Xterm from "@xterm/xterm";
import { token } from "../theme.js";

export type XtermModule = Pick<typeof Xterm, "Terminal"> & Pick<typeof Fit, "FitAddon">;

async function start(): Promise<XtermModule> {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = FileAttachment("../generated/xterm.css").href;
  const styled = new Promise((resolve, reject) => {
    sheet.addEventListener("load", resolve);
    sheet.addEventListener("error", reject);
  });
  document.head.append(sheet);
  const bundle = FileAttachment("../generated/xterm.js").href;
  const [xterm] = await Promise.all([
    import(bundle) as Promise<XtermModule>,
    styled,
    document.fonts.load('1em "IBM Plex Mono"'),
  ]);
  return xterm;
}

let starting: Promise<XtermModule> | undefined;

/** xterm.js, fetched once. A failed fetch may be tried again. */
export function loadXterm(): Promise<XtermModule> {
  starting ??= start().catch((error) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

/** The sixteen colours of a terminal as near as the notebook's own palette comes to them. */
export function terminalTheme(): Xterm.ITheme {
  const colours = {
    black: token("--ink"),
    red: token("--fault-text"),
    green: token("--hardware-text"),
    yellow: token("--ring-0-text"),
    blue: token("--ring-3-text"),
    magenta: token("--ring-hv-text"),
    cyan: token("--ring-3-text"),
    white: token("--ink-muted"),
  };
  return {
    ...colours,
    ...Object.fromEntries(
      Object.entries(colours).map(([name, colour]) => [
        `bright${name[0].toUpperCase()}${name.slice(1)}`,
        colour,
      ]),
    ),
    background: token("--code-paper"),
    foreground: token("--ink"),
    cursor: token("--now"),
    cursorAccent: token("--code-paper"),
    selectionBackground: token("--now-soft"),
    selectionForeground: token("--now-text"),
  };
}
