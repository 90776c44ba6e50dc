import type { editor } from "monaco-editor/editor";
import type { Monaco } from "./monaco.js";

/**
 * The way out of the editor by keyboard: after Esc, Tab leaves instead of indenting, until the editor is entered again.
 * Monaco's own switch, Ctrl+M, stays. Returns nothing to undo: the listeners die with the editor.
 */
export function addWayOut(monaco: Monaco, editing: editor.IStandaloneCodeEditor): void {
  editing.addCommand(
    monaco.KeyCode.Escape,
    () => editing.updateOptions({ tabFocusMode: true }),
    "!suggestWidgetVisible && !findWidgetVisible && !parameterHintsVisible && !renameInputVisible && !hasMultipleSelections",
  );
  editing.onDidBlurEditorWidget(() => editing.updateOptions({ tabFocusMode: false }));
}
