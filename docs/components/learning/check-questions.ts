/** Check questions at the end of a chapter: every answer is explained, the wrong ones too. */
import { element } from "../figures/frame.js";
import { load, save } from "../storage.js";

export interface CheckQuestion {
  id: string;
  question: string;
  answers: readonly { text: string; right?: boolean; why: string }[];
}

/** @param chapter - prefix of the keys in the reader's store */
export function checkQuestions(chapter: string, questions: readonly CheckQuestion[]): HTMLElement {
  return element("ol", { class: "check-questions" }, ...questions.map((question) => one(chapter, question)));
}

function one(chapter: string, { id, question, answers }: CheckQuestion): HTMLElement {
  const key = `${chapter}/check/${id}`;
  const name = key.replaceAll("/", "-");
  const choices = answers.map((answer, index) => {
    const input = element("input", { type: "radio", name, id: `${name}-${index}` });
    const why = element("p", { class: "check-why" });
    const item = element(
      "div",
      { class: "check-answer" },
      input,
      element("label", { for: `${name}-${index}` }, answer.text),
      element("div", { "aria-live": "polite" }, why),
    );
    const choose = (): void => {
      for (const other of choices) {
        other.item.removeAttribute("data-right");
        other.why.replaceChildren();
      }
      item.dataset.right = String(answer.right === true);
      why.append(element("b", {}, answer.right ? "Yes. " : "No. "), answer.why);
    };
    input.addEventListener("change", () => {
      choose();
      void save(key, index);
    });
    return { item, input, why, choose };
  });
  void load(key).then((index) => {
    const choice = choices[Number(index)];
    if (!choice) return;
    choice.input.checked = true;
    choice.choose();
  });
  return element(
    "li",
    {},
    element("fieldset", {}, element("legend", {}, question), ...choices.map(({ item }) => item)),
  );
}
