/** Fetches Monaco when the first editor opens, and gives it our theme and the hypervisor's types. */
import { FileAttachment } from "observablehq:stdlib";
import type * as Editor from "monaco-editor/editor";
import type * as TypeScript from "monaco-editor/languages/features/typescript/register";
import { defineAssembly } from "./assembly.js";
import { isDark, onThemeChange, token } from "../theme.js";

export type Monaco = typeof Editor & { typescript: typeof TypeScript };

const hex = (name: `--${string}`): string => token(name).slice(1);

function defineTheme(monaco: Monaco): void {
  monaco.editor.defineTheme("ring1", {
    base: isDark() ? "vs-dark" : "vs",
    inherit: false,
    rules: [
      { token: "", foreground: hex("--ink") },
      { token: "comment", foreground: hex("--ink-muted"), fontStyle: "italic" },
      { token: "keyword", fontStyle: "bold" },
      { token: "string", foreground: hex("--hardware-text") },
      { token: "regexp", foreground: hex("--hardware-text") },
      { token: "number", foreground: hex("--ring-3-text") },
      { token: "type", foreground: hex("--ring-hv-text") },
    ],
    colors: {
      "editor.background": token("--code-paper"),
      "editor.foreground": token("--ink"),
      "editorLineNumber.foreground": token("--ink-muted"),
      "editorLineNumber.activeForeground": token("--ink"),
      "editorCursor.foreground": token("--now"),
      "editor.selectionBackground": `${token("--now")}40`,
      "editor.lineHighlightBackground": token("--paper"),
      "editorWidget.background": token("--paper-raised"),
      "editorWidget.foreground": token("--ink"),
      "editorWidget.border": token("--outline"),
      "editorHoverWidget.background": token("--paper-raised"),
      "editorSuggestWidget.selectedBackground": token("--now-soft"),
      "editorSuggestWidget.selectedForeground": token("--ink"),
      "editorError.foreground": token("--fault"),
      "editorWarning.foreground": token("--ring-0"),
      "editorIndentGuide.background1": token("--rule"),
      "editorBracketMatch.border": token("--outline"),
      focusBorder: token("--now"),
    },
  });
  monaco.editor.setTheme("ring1");
}

function setCompiler({ typescript }: Monaco): void {
  typescript.typescriptDefaults.setCompilerOptions({
    target: typescript.ScriptTarget.ESNext,
    module: typescript.ModuleKind.ESNext,
    moduleResolution: typescript.ModuleResolutionKind.NodeJs,
    strict: true,
    lib: ["es2023"],
    allowNonTsExtensions: true,
  });
  typescript.typescriptDefaults.setEagerModelSync(true);
}

async function start(): Promise<Monaco> {
  const workers = {
    typescript: FileAttachment("../generated/monaco-ts.worker.js").href,
    other: FileAttachment("../generated/monaco-editor.worker.js").href,
  };
  Object.assign(globalThis, {
    MonacoEnvironment: {
      getWorker: (_id: string, label: string) =>
        new Worker(label === "typescript" ? workers.typescript : workers.other),
    },
  });
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = FileAttachment("../generated/monaco.css").href;
  const styled = new Promise((resolve) => sheet.addEventListener("load", resolve));
  document.head.append(sheet);
  const bundle = FileAttachment("../generated/monaco.js").href;
  const [monaco] = await Promise.all([
    import(bundle) as Promise<Monaco>,
    styled,
    document.fonts.load('1em "IBM Plex Mono"'),
  ]);
  setCompiler(monaco);
  defineAssembly(monaco);
  defineTheme(monaco);
  onThemeChange(() => defineTheme(monaco));
  return monaco;
}

let starting: Promise<Monaco> | undefined;

/** Monaco, fetched once. A failed fetch may be tried again. */
export function loadMonaco(): Promise<Monaco> {
  starting ??= start().catch((error) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

let sources: Promise<Record<string, string>> | undefined;

/** Sources of the hypervisor and of what it stands on, by path from the root of the repository. */
export function hypervisorSources(): Promise<Record<string, string>> {
  sources ??= FileAttachment("../generated/hypervisor-sources.json").json() as Promise<
    Record<string, string>
  >;
  return sources;
}
