import { element } from "../figures/frame.js";
import type { TestName } from "./processor-data.js";

const one = ({ file, title }: TestName): HTMLElement =>
  element("li", {}, `“${title}” `, element("code", {}, file.replace(/^.*\//, "")));

/** Tests by title and file; a dash for none. */
export function testList(numbers: readonly number[], tests: readonly TestName[]): Node {
  if (numbers.length === 0) return document.createTextNode("–");
  return element("ul", {}, ...numbers.map((number) => one(tests[number])));
}
