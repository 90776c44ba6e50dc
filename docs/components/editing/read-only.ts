import type { editor } from "monaco-editor/editor";

/** 1-based lines, both included, that a reader may look at and not change. */
export interface ReadOnlyRange {
  firstLine: number;
  lastLine: number;
}

interface MessageController {
  showMessage(message: string, position: unknown): void;
}

/** Takes back every edit that touches one of the ranges; the ranges move with the text around them. */
export function protect(editing: editor.IStandaloneCodeEditor, ranges: readonly ReadOnlyRange[]): void {
  const model = editing.getModel();
  if (!model || ranges.length === 0) return;
  const decorations = editing.createDecorationsCollection(
    ranges.map(({ firstLine, lastLine }) => ({
      range: {
        startLineNumber: firstLine,
        startColumn: 1,
        endLineNumber: lastLine,
        endColumn: model.getLineMaxColumn(lastLine),
      },
      options: { isWholeLine: true, className: "read-only-line", stickiness: 1 },
    })),
  );
  let before = decorations.getRanges();
  let undoing = false;
  model.onDidChangeContent((event) => {
    if (undoing) return;
    const touches =
      !event.isFlush && event.changes.some(({ range }) => before.some((kept) => kept.intersectRanges(range)));
    if (!touches) {
      before = decorations.getRanges();
      return;
    }
    queueMicrotask(() => {
      undoing = true;
      void Promise.resolve(model.undo()).finally(() => {
        undoing = false;
        const messages = editing.getContribution(
          "editor.contrib.messageController",
        ) as unknown as MessageController | null;
        messages?.showMessage("These lines stay as they are.", editing.getPosition());
      });
    });
  });
}
