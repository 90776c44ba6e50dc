import type { Monaco } from "./monaco.js";

const REGISTERS =
  /\b(?:[re]?(?:[a-d]x|[sd]i|[sb]p|ip|flags)|[a-d][hl]|[sd]il|[sb]pl|r(?:8|9|1[0-5])[dwb]?|[c-gs]s|cr[02348]|dr[0-367])\b/;

/** Colours for the guests' assembly: Intel operands, `#` comments, directives with a dot. */
export function defineAssembly(monaco: Monaco): void {
  monaco.languages.register({ id: "assembly" });
  monaco.languages.setLanguageConfiguration("assembly", {
    comments: { lineComment: "#" },
    brackets: [
      ["[", "]"],
      ["(", ")"],
    ],
    wordPattern: /[.\w]+/,
  });
  monaco.languages.setMonarchTokensProvider("assembly", {
    tokenizer: {
      root: [
        [/(?:#|\/\/).*/, "comment"],
        [/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'/, "string"],
        [/^\s*[A-Za-z_.][\w.$]*:/, "type"],
        [/\.[a-z]\w*/, "keyword"],
        [/\b(?:0x[\da-f]+|\d+)\b/i, "number"],
        [REGISTERS, "regexp"],
        [/[A-Za-z_][\w.$]*/, ""],
      ],
    },
  });
}
