/** The editor as the notebook bundles it: all features, one language. */
import "monaco-editor/features/register.all";
import "monaco-editor/languages/definitions/typescript/register";

export * from "monaco-editor/editor";
export * as typescript from "monaco-editor/languages/features/typescript/register";
