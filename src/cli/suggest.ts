/** Changes of one character that turn one word into the other (Levenshtein's distance). */
export function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}

/** The names most like a mistyped one, closest first; none when nothing is close. */
export function suggest(word: string, names: readonly string[]): string[] {
  const wanted = word.toLowerCase();
  const close = Math.max(2, Math.floor(wanted.length / 3));
  return names
    .map((name) => ({ name, off: name.startsWith(wanted) ? 1 : distance(wanted, name.toLowerCase()) }))
    .filter(({ off }) => off <= close)
    .sort((x, y) => x.off - y.off || x.name.localeCompare(y.name))
    .slice(0, 3)
    .map(({ name }) => name);
}
