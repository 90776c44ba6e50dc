/**
 * The editor of quoted parts and labs. Importing this module costs nothing: Monaco is fetched by `openEditor`.
 *
 *     const editor = await openEditor(container, { source, path: "src/hypervisor/vtx/exits/cpuid.ts", onRun });
 *     const { js, diagnostics } = await editor.emitJavaScript();
 */
import type { editor } from "monaco-editor/editor";
import { hypervisorSources, loadMonaco, type Monaco } from "./editing/monaco.js";
import { addWayOut } from "./editing/keyboard.js";
import { protect, type ReadOnlyRange } from "./editing/read-only.js";
import { Toolbar } from "./editing/toolbar.js";
import * as storage from "./storage.js";

export interface EditorOptions {
  /** What Reset goes back to. */
  source: string;
  /** Path from the root of the repository: relative imports resolve from here. */
  path: string;
  /** Further files by path, beside the hypervisor's own. */
  extraLibs?: Readonly<Record<string, string>>;
  /** TypeScript unless given. */
  language?: "typescript" | "assembly";
  readOnlyRanges?: readonly ReadOnlyRange[];
  /** Name for assistive technology; the path where it is left out. */
  label?: string;
  /** Where edits are kept; "edit/<path>" where left out, null to keep nothing. */
  storageKey?: string | null;
  /** 1-based line to show first. */
  revealLine?: number;
  /** Run, or Ctrl+Enter. */
  onRun?: (source: string) => void;
  onReset?: () => void;
  onChange?: (source: string) => void;
  onClose?: () => void;
}

export interface Diagnostic {
  /** 1-based. */
  line: number;
  column: number;
  message: string;
  severity: "error" | "warning";
}

export interface OpenEditor {
  getSource(): string;
  setSource(source: string): void;
  /** What TypeScript makes of the source; `js` is there even when there are diagnostics. */
  emitJavaScript(): Promise<{ js: string; diagnostics: Diagnostic[] }>;
  format(): Promise<void>;
  /** Marks of our own, e.g. where a part threw; an empty list clears them. */
  setMarkers(markers: readonly Diagnostic[]): void;
  /** Brings a line, counted from 1, into view. */
  reveal(line: number): void;
  /** Shows a state in words below the editor. */
  say(words: string): void;
  focus(): void;
  dispose(): void;
}

const SAVE_AFTER_MS = 400;
const NARROW = 600;

const uriOf = (monaco: Monaco, path: string) => monaco.Uri.parse(`file:///${path}`);

async function addTypes(
  monaco: Monaco,
  path: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  const files = { ...(await hypervisorSources()), ...extra };
  delete files[path];
  monaco.typescript.typescriptDefaults.setExtraLibs(
    Object.entries(files).map(([file, content]) => ({ filePath: `file:///${file}`, content })),
  );
}

async function compile(
  monaco: Monaco,
  model: editor.ITextModel,
): Promise<{ js: string; diagnostics: Diagnostic[] }> {
  const worker = await (await monaco.typescript.getTypeScriptWorker())(model.uri);
  const name = model.uri.toString();
  const [output, syntactic, semantic] = await Promise.all([
    worker.getEmitOutput(name),
    worker.getSyntacticDiagnostics(name),
    worker.getSemanticDiagnostics(name),
  ]);
  const diagnostics = [...syntactic, ...semantic].map((found): Diagnostic => {
    const at = model.getPositionAt(found.start ?? 0);
    const message = typeof found.messageText === "string" ? found.messageText : found.messageText.messageText;
    return {
      line: at.lineNumber,
      column: at.column,
      message,
      severity: found.category === 1 ? "error" : "warning",
    };
  });
  return { js: output.outputFiles.find(({ name: file }) => file.endsWith(".js"))?.text ?? "", diagnostics };
}

function createModel(monaco: Monaco, path: string, source: string, language: string): editor.ITextModel {
  const uri = uriOf(monaco, path);
  monaco.editor.getModel(uri)?.dispose();
  const model = monaco.editor.createModel(source, language, uri);
  const bracketColorizationOptions = { enabled: false, independentColorPoolPerBracketType: false };
  model.updateOptions({
    tabSize: language === "assembly" ? 4 : 2,
    insertSpaces: true,
    bracketColorizationOptions,
  });
  return model;
}

function createEditor(monaco: Monaco, host: HTMLElement, model: editor.ITextModel, label: string) {
  const narrow = host.clientWidth < NARROW;
  return monaco.editor.create(host, {
    model,
    theme: "ring1",
    ariaLabel: `${label}. Esc and then Tab leaves the editor.`,
    automaticLayout: true,
    fontFamily: '"IBM Plex Mono", monospace',
    fontSize: 14,
    lineHeight: 21,
    fontLigatures: false,
    minimap: { enabled: false },
    lineNumbersMinChars: narrow ? 2 : 3,
    lineDecorationsWidth: 8,
    folding: !narrow,
    glyphMargin: false,
    wordWrap: narrow ? "on" : "off",
    scrollBeyondLastLine: false,
    scrollbar: { alwaysConsumeMouseWheel: false },
    overviewRulerLanes: 0,
    renderLineHighlight: "line",
    fixedOverflowWidgets: true,
    stickyScroll: { enabled: false },
    unicodeHighlight: { ambiguousCharacters: false },
    padding: { top: 8, bottom: 8 },
  });
}

/** Where the edits of a file are kept. */
export function editKey(path: string): string {
  return `edit/${path}`;
}

/** Fetches Monaco if need be and opens an editor in the container, with the reader's last edit if there is one. */
export async function openEditor(container: HTMLElement, options: EditorOptions): Promise<OpenEditor> {
  const { source, path, label = path, storageKey = editKey(path), language = "typescript" } = options;
  const toolbar = new Toolbar(container, label);
  toolbar.say("Loading the editor, about 3 MB the first time …");
  let monaco: Monaco;
  try {
    monaco = await loadMonaco();
    if (language === "typescript") await addTypes(monaco, path, options.extraLibs);
  } catch (error) {
    toolbar.fail("The editor did not load. Check the connection, close it and open it again.");
    throw error;
  }
  const kept = storageKey === null ? undefined : await storage.load(storageKey);
  const model = createModel(monaco, path, source, language);
  const editing = createEditor(monaco, toolbar.host, model, label);
  addWayOut(monaco, editing);
  protect(editing, options.readOnlyRanges ?? []);
  if (typeof kept === "string" && kept !== source) model.setValue(kept);
  if (options.revealLine) editing.revealLineNearTop(options.revealLine);

  let saving: ReturnType<typeof setTimeout> | undefined;
  const keep = async (): Promise<void> => {
    if (storageKey === null) return;
    const same = model.getValue() === source;
    if (same) await storage.remove(storageKey);
    const saved = same || (await storage.save(storageKey, model.getValue()));
    toolbar.say(
      same
        ? "As in the source."
        : saved
          ? "Edited; kept in this browser."
          : "Edited; this browser keeps nothing.",
    );
  };
  model.onDidChangeContent(() => {
    clearTimeout(saving);
    saving = setTimeout(() => void keep(), SAVE_AFTER_MS);
    options.onChange?.(model.getValue());
  });
  const countProblems = monaco.editor.onDidChangeMarkers(() =>
    toolbar.count(
      monaco.editor.getModelMarkers({ resource: model.uri }).filter(({ severity }) => severity === 8).length,
    ),
  );

  const run = (): void => options.onRun?.(model.getValue());
  const format = async (): Promise<void> => editing.getAction("editor.action.formatDocument")?.run();
  const reset = (): void => {
    editing.executeEdits("reset", [{ range: model.getFullModelRange(), text: source }]);
    editing.pushUndoStop();
    options.onReset?.();
  };
  editing.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, run);
  toolbar.connect({
    run: options.onRun && run,
    reset,
    format: language === "typescript" ? () => void format() : undefined,
    close: options.onClose,
  });
  await keep();

  return {
    getSource: () => model.getValue(),
    setSource: (text) => model.setValue(text),
    emitJavaScript: () => compile(monaco, model),
    format,
    setMarkers: (markers) =>
      monaco.editor.setModelMarkers(
        model,
        "ring1",
        markers.map(({ line, column, message, severity }) => ({
          message,
          severity: severity === "error" ? monaco.MarkerSeverity.Error : monaco.MarkerSeverity.Warning,
          startLineNumber: line,
          startColumn: column,
          endLineNumber: line,
          endColumn: model.getLineMaxColumn(Math.min(line, model.getLineCount())),
        })),
      ),
    reveal: (line) => editing.revealLineInCenterIfOutsideViewport(line),
    say: (words) => toolbar.say(words),
    focus: () => editing.focus(),
    dispose: () => {
      clearTimeout(saving);
      countProblems.dispose();
      editing.dispose();
      model.dispose();
      toolbar.remove();
    },
  };
}
