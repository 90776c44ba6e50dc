/** A guest's console output made safe to show. Pure; no DOM. */

export interface ConsolePiece {
  text: string;
  /** A control character, shown by its symbol. */
  control: boolean;
}

/** Control characters become their symbols (␛ for escape); a line feed stays one, the carriage return before it goes. */
export function consolePieces(output: string): ConsolePiece[] {
  const pieces: ConsolePiece[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") pieces.push({ text: plain, control: false });
    plain = "";
  };
  const text = output.replace(/\r+\n/g, "\n");
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code === 0x0a || code === 0x09 || (code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code < 0xa0))) {
      plain += character;
      continue;
    }
    flush();
    pieces.push({
      text: code === 0x7f ? "␡" : code < 0x20 ? String.fromCodePoint(0x2400 + code) : "�",
      control: true,
    });
  }
  flush();
  return pieces;
}

/** The last `limit` characters, from the start of a line where there is one. */
export function consoleTail(output: string, limit: number): { text: string; cut: boolean } {
  if (output.length <= limit) return { text: output, cut: false };
  const tail = output.slice(-limit);
  const line = tail.indexOf("\n");
  return { text: line >= 0 && line < limit / 2 ? tail.slice(line + 1) : tail, cut: true };
}
