import { readFileSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { siteForTests, type Visit } from "./server.js";

const CHAPTER = "chapters/07-ring-minus-1.html";
const LAB = "labs/cpuid-msr.html";
const DECK = "lectures/07-ring-minus-1.html";

const site = siteForTests();
let open: Visit | null = null;

afterEach(async () => {
  await open?.close();
  open = null;
});

async function go(page: string, options = {}): Promise<Page> {
  open = await site.visit(page, options);
  return open.page;
}

/** The state in words of a stage, once it fits. */
async function words(stage: Locator, expected: RegExp, timeout = 20_000): Promise<string> {
  const found = stage.locator(".machine-words").filter({ hasText: expected });
  await found.waitFor({ timeout });
  return (await found.textContent()) ?? "";
}
const press = (stage: Locator, name: string): Promise<void> =>
  stage.getByRole("button", { name, exact: true }).click();
const firstStage = (page: Page): Locator => page.locator(".stage").first();

async function axe(page: Page, area = "html"): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).include(area).exclude(".monaco-editor").analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => String(target)).join("; ")}`);
}

/** Opens the editor of a quoted part and replaces its text. */
async function edit(page: Page, region: string, change: (source: string) => string): Promise<void> {
  const quote = page.locator(`#quote-${region}`);
  await quote.getByRole("button", { name: "Edit and run" }).click();
  const run = quote.getByRole("button", { name: /Run/ });
  await run.waitFor({ timeout: 30_000 });
  const path = await quote.getAttribute("data-path");
  const source = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  await write(page, quote, change(source));
  await run.click();
}

/** Types by pasting: Monaco's own completion stays out of it. Keys that come before the editor listens are typed again. */
async function write(page: Page, area: Locator, text: string): Promise<void> {
  const lastLine = text.trimEnd().split("\n").at(-1)!.trim();
  const line = (holds: string | RegExp): Locator =>
    area.locator(".view-line").filter({ hasText: holds }).first();
  const attempt = async (): Promise<void> => {
    await area.locator(".monaco-editor").first().click();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.press("Delete");
    await line(/\S/).waitFor({ state: "detached", timeout: 5_000 });
    await page.keyboard.insertText(text);
    await line(lastLine).waitFor({ timeout: 5_000 });
  };
  await attempt().catch(attempt);
}

describe("the chapter", () => {
  it("opens with figures that teach, nothing running, no complaint", async () => {
    const page = await go(CHAPTER);
    await words(firstStage(page), /ready/);
    expect(await page.locator("#figure-vmx-cycle svg text").count()).toBeGreaterThan(8);
    expect(await page.locator("#figure-rings .way").count()).toBe(6);
    expect(open!.complaints).toEqual([]);
  });

  it.each(["light", "dark"] as const)("has nothing for axe to complain about, %s", async (colorScheme) => {
    const page = await go(CHAPTER, { colorScheme });
    await press(firstStage(page), "run");
    await words(firstStage(page), /ended: power off/);
    expect(await axe(page)).toEqual([]);
  });

  it("boots the guest to power-off under VT-x", async () => {
    const page = await go(CHAPTER);
    await press(firstStage(page), "run");
    await words(firstStage(page), /ended: power off, status 0/);
    const guest = page.locator(".guest-console").first();
    await guest.scrollIntoViewIfNeeded();
    for (const line of ["hello from ring 0", "above   Ring-1Ring-1", "powering off"]) {
      await guest.filter({ hasText: line }).waitFor();
    }
    await page.locator(".exit-table").scrollIntoViewIfNeeded();
    await page.locator(".exit-table tfoot tr").waitFor();
    expect(await page.locator(".exit-table tbody tr").count()).toBeGreaterThan(2);
    expect(open!.complaints).toEqual([]);
  });

  it("goes to the next exit, steps over it, and back", async () => {
    const page = await go(CHAPTER);
    const stage = firstStage(page);
    await press(stage, "to next exit");
    const atExit = await words(stage, /paused in the hypervisor/);
    await press(stage, "step");
    await words(stage, /paused in the guest/);
    await press(stage, "back");
    expect(await words(stage, /paused in the hypervisor/)).toBe(atExit);
    await press(stage, "reset");
    await words(stage, /ready/);
  });

  it("keeps its keys to the machine", async () => {
    const page = await go(CHAPTER);
    const stage = firstStage(page);
    await words(stage, /ready/);
    await page.keyboard.press("e");
    await words(stage, /ready/);
    await stage.getByRole("button", { name: "step", exact: true }).focus();
    await page.keyboard.press("e");
    await words(stage, /paused in the hypervisor/);
  });

  it("gives every moment an address that leads back to it", async () => {
    const page = await go(CHAPTER);
    const stage = firstStage(page);
    for (let i = 1; i <= 3; i++) {
      await press(stage, "to next exit");
      await page.waitForURL(new RegExp(`#at=\\d+\\.${i}\\.`));
    }
    const there = await words(stage, /paused in the hypervisor/);
    await page.locator("#figure-vmcs").scrollIntoViewIfNeeded();
    await page.locator("#figure-vmcs .vmcs-says", { hasText: "30: I/O" }).waitFor();
    const fields = await page.locator("#figure-vmcs .vmcs-value").allInnerTexts();
    const address = page.url();
    await open!.close();
    const again = await go(`${CHAPTER}${new URL(address).hash}`);
    expect(await words(firstStage(again), /paused/)).toBe(there);
    await again.locator("#figure-vmcs").scrollIntoViewIfNeeded();
    await again.locator("#figure-vmcs .vmcs-says", { hasText: "30: I/O" }).waitFor();
    expect(await again.locator("#figure-vmcs .vmcs-value").allInnerTexts()).toEqual(fields);
  });

  it("pauses a guest that never exits, and the page answers meanwhile", async () => {
    const page = await go(CHAPTER);
    await page.getByRole("heading", { name: "The guest that never exits" }).scrollIntoViewIfNeeded();
    const stage = page.locator(".stage", { has: page.locator("#figure-endless") });
    await stage.waitFor();
    await words(stage, /ready/);
    await press(stage, "run");
    await words(stage, /running/);
    // The page's own loop turns and paints while the guest spins; had the machine held the thread, this would hang.
    await page.evaluate(async () => {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
    await words(stage, /running/);
    await press(stage, "pause");
    await words(stage, /paused in the guest/);
  });

  it("keeps a prediction and compares it with the run", async () => {
    const page = await go(CHAPTER);
    const prediction = page.locator(".prediction");
    await prediction.getByRole("checkbox").first().check();
    await prediction.getByRole("button", { name: "Commit to this" }).click();
    await page.reload({ waitUntil: "networkidle" });
    expect(await prediction.getByRole("checkbox").first().isChecked()).toBe(true);
    await press(firstStage(page), "run");
    await words(firstStage(page), /ended/);
    await prediction.getByText(/of 7 as you predicted/).waitFor();
    expect(await prediction.locator('[data-agrees="true"]').count()).toBeGreaterThan(0);
  });

  it("explains each answer of a check question", async () => {
    const page = await go(CHAPTER);
    const question = page.locator(".check-questions > li").first();
    await question.getByRole("radio").first().check();
    await question.getByText(/^No\. /).waitFor();
    await question.getByRole("radio").nth(1).check();
    await question.getByText(/^Yes\. /).waitFor();
  });

  it("selects an exit in the timeline and goes there", async () => {
    const page = await go(CHAPTER);
    const stage = firstStage(page);
    await press(stage, "run");
    await words(stage, /ended/);
    const figure = page.locator("#figure-timeline");
    await figure.scrollIntoViewIfNeeded();
    await figure.locator(".exit").first().waitFor();
    await figure.locator("svg").focus();
    await page.keyboard.press("Home");
    await figure.getByText(/^Exit 1: /).waitFor();
    await page.keyboard.press("Enter");
    await words(stage, /paused in the hypervisor/);
    expect(page.url()).toMatch(/#at=\d+\.1\./);
  });

  it("finds fields of the VMCS", async () => {
    const page = await go(CHAPTER);
    const figure = page.locator("#figure-vmcs");
    await figure.scrollIntoViewIfNeeded();
    await figure.getByRole("searchbox").fill("hlt exiting");
    await figure.locator(".vmcs-name", { hasText: "PRIMARY_CONTROLS" }).waitFor();
    await figure.locator(".vmcs-bits .set", { hasText: "HLT exiting" }).waitFor();
  });

  it("explains a refused VM entry", async () => {
    const page = await go(CHAPTER);
    const row = page.locator("#figure-entry-checks tbody tr").first();
    await row.getByRole("button", { name: "Enter" }).click();
    await row.getByText(/GUEST_RFLAGS = 0x0.*27\.3\.1\.4/).waitFor({ timeout: 20_000 });
  });

  it("reads on a phone without scrolling sideways", async () => {
    const page = await go(CHAPTER, { viewport: { width: 390, height: 800 } });
    await words(firstStage(page), /ready/);
    const [scrollWidth, clientWidth] = await page.evaluate(() => {
      const root = document.documentElement;
      return [root.scrollWidth, root.clientWidth];
    });
    expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
  });
});

describe("edited handlers", () => {
  it("change what the guest prints, and are put back", async () => {
    const page = await go(CHAPTER);
    await words(firstStage(page), /ready/);
    await edit(page, "cpuid-policy", (source) => source.replace("Ring-1Ring-1", "TwelveLetter"));
    await words(firstStage(page), /ended: power off/, 30_000);
    await page.getByRole("button", { name: "To the console" }).click();
    await page.locator(".guest-console", { hasText: "above   TwelveLetter" }).first().waitFor();
    await page.getByRole("button", { name: "Put the original back" }).click();
    await words(firstStage(page), /ready/);
    await press(firstStage(page), "run");
    await words(firstStage(page), /ended/);
    await page.getByRole("button", { name: "To the console" }).click();
    await page.locator(".guest-console", { hasText: "above   Ring-1Ring-1" }).first().waitFor();
    expect(open!.complaints).toEqual([]);
  });

  const bodies: [string, string, RegExp][] = [
    ["throws", 'throw new Error("not today");', /CPUID threw Error: not today \(line \d+/],
    ["returns nonsense", 'return "perhaps" as never;', /CPUID returned "perhaps"/],
    ["never returns", "for (;;);", /handler for CPUID does not return/],
  ];
  it.each(bodies)("one that %s is named, and the machine can be put back", async (_, body, message) => {
    const page = await go(CHAPTER);
    await words(firstStage(page), /ready/);
    await edit(page, "cpuid-policy", (source) =>
      source.replace(
        /export const cpuid[\s\S]*?\n};/,
        `export const cpuid: ExitHandler = (vcpu) => {\n  void virtualCpuid(vcpu, 0, 0);\n  ${body}\n};`,
      ),
    );
    const notice = firstStage(page).locator(".machine-notice");
    await notice.filter({ hasText: message }).waitFor({ timeout: 30_000 });
    await notice.getByRole("button", { name: /Put the hypervisor’s own CPUID handler back/ }).click();
    await words(firstStage(page), /ready/);
  });

  it("one that does not compile does not run, and the editor says so", async () => {
    const page = await go(CHAPTER);
    await words(firstStage(page), /ready/);
    await edit(page, "cpuid-policy", (source) =>
      source.replace("const { registers } = vcpu;", "const { registers = vcpu;"),
    );
    await page.locator("#quote-cpuid-policy").getByText(/error/).first().waitFor({ timeout: 20_000 });
    await words(firstStage(page), /ready/);
  });
});

describe("the edited guest", () => {
  const shipped = readFileSync(new URL("../../src/guests/hello/main.s", import.meta.url), "utf8");
  const bench = (page: Page): Locator => page.locator(".guest-workbench");

  async function editGuest(page: Page, text: string): Promise<void> {
    await words(firstStage(page), /ready/);
    await firstStage(page).getByRole("button", { name: "Edit and run" }).click();
    await bench(page).locator(".monaco-editor").first().waitFor({ timeout: 30_000 });
    await write(page, bench(page), text);
    await bench(page).getByRole("button", { name: /Run/ }).click();
  }
  const consoleSays = (page: Page, text: string): Promise<void> =>
    page.locator(".guest-console", { hasText: text }).first().waitFor();

  it("is assembled in the page and boots, and the shipped guest is put back", async () => {
    const page = await go(CHAPTER);
    await editGuest(page, shipped.replace("hello from ring 0", "a reader was here"));
    await words(firstStage(page), /ended: power off/, 30_000);
    await consoleSays(page, "a reader was here");
    await bench(page).getByText("Your guest is in the machine.").waitFor();
    expect(await axe(page, ".guest-workbench")).toEqual([]);
    await bench(page).getByRole("button", { name: "Reset", exact: true }).click();
    await words(firstStage(page), /ready/);
    await press(firstStage(page), "run");
    await words(firstStage(page), /ended: power off/);
    await consoleSays(page, "hello from ring 0");
    expect(open!.complaints).toEqual([]);
  });

  it("is shown at the line that it executes", async () => {
    const page = await go(CHAPTER);
    const loop = "forever: jmp forever # a line of the reader";
    await editGuest(page, shipped.replace("    call print_processor", `    ${loop}`));
    await words(firstStage(page), /running/, 30_000);
    await press(firstStage(page), "pause");
    await page.locator(".source-line.here", { hasText: loop }).first().waitFor();
  });

  it("that is in error does not run: the file, the line and the cause are named and marked", async () => {
    const page = await go(CHAPTER);
    await editGuest(page, shipped.replace("    call put_text", "    call nobody"));
    await bench(page)
      .getByText("Not run: hello/main.s, line 9: cannot find a symbol")
      .waitFor({ timeout: 30_000 });
    await bench(page).getByText("1 error").waitFor();
    await bench(page).locator(".squiggly-error").first().waitFor();
    await words(firstStage(page), /ready/);
  });

  it("opens the source that the error is in", async () => {
    const page = await go(CHAPTER);
    await editGuest(page, shipped.replace("put_newline:", "put_line_end:"));
    await bench(page)
      .getByText(/Not run: hello\/traps\.s, line \d+: cannot find a symbol/)
      .waitFor({ timeout: 30_000 });
    expect(await bench(page).getByRole("combobox").inputValue()).toBe("hello/traps.s");
    await bench(page).locator(".squiggly-error").first().waitFor();
  });

  it("is given up, with words, when the assembler does not come to an end", async () => {
    const page = await go(CHAPTER);
    await page.route(/\/keystone\.\w+\.js$/, (route) =>
      route.fulfill({
        contentType: "text/javascript",
        body: `export const Const = {};
          export async function loadKeystone() {}
          export class Keystone { asm() { for (;;); } }`,
      }),
    );
    await editGuest(page, shipped.replace("hello from ring 0", "never"));
    await bench(page)
      .getByText(/did not come to an end in 10 seconds/)
      .waitFor({ timeout: 40_000 });
    await words(firstStage(page), /ready/);
  });
});

describe("the lab page", () => {
  const source = (name: string): string =>
    readFileSync(new URL(`../../labs/cpuid-msr/${name}.ts`, import.meta.url), "utf8");

  it("fails the starter, check by check, with hints one at a time", async () => {
    const page = await go(LAB);
    await page.getByRole("button", { name: "Grade" }).click();
    const report = page.locator(".grade-report");
    await report.waitFor({ timeout: 60_000 });
    expect(await report.locator('[data-state="failed"]').count()).toBeGreaterThan(0);
    expect(await report.locator('[data-state="blocked"]').count()).toBeGreaterThan(0);
    const failed = report.locator('[data-state="failed"]').first();
    await failed.getByRole("button", { name: /A hint \(1 of/ }).click();
    expect(await failed.locator(".grade-hints li").count()).toBe(1);
    expect(await axe(page)).toEqual([]);
    expect(open!.complaints).toEqual([]);
  });

  it("passes the solution, and does not claim more than was run", async () => {
    const page = await go(LAB);
    await page.getByRole("button", { name: "Open the editor" }).click();
    const editor = page.locator(".lab-editor");
    await editor.locator(".monaco-editor").first().waitFor({ timeout: 30_000 });
    await write(page, editor, source("solution"));
    await page.getByRole("button", { name: "Grade" }).click();
    const report = page.locator(".grade-report");
    await report.waitFor({ timeout: 60_000 });
    await report.getByText(/Your public checks passed/).waitFor();
    await report.getByText(/hidden checks? .*remain/).waitFor();
    expect(await report.locator('[data-state="failed"]').count()).toBe(0);
    expect(open!.complaints).toEqual([]);
  });

  it("keeps the part, and gives it out as a file that names its lab", async () => {
    const page = await go(LAB);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download submission file" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("cpuid-msr.ts");
    const path = await download.path();
    expect(readFileSync(path, "utf8")).toMatch(/^\/\/ ring1 lab: cpuid-msr\n/);
  });
});

describe("the deck", () => {
  const present = (page: Page): Promise<string | null> =>
    page.locator(".reveal .slides section.present:not(.stack)").first().getAttribute("aria-label");

  it("turns by arrows, right and down, and shows its overview", async () => {
    const page = await go(DECK);
    await page.locator(".reveal.ready").waitFor();
    expect(await present(page)).toBe("Ring −1");
    await page.keyboard.press("ArrowRight");
    expect(await present(page)).toBe("A kernel is written to own the machine");
    await page.keyboard.press("ArrowDown");
    expect(await present(page)).toBe("Before: the kernel gives way");
    await page.keyboard.press("Escape");
    await page.locator(".reveal.overview").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".reveal:not(.overview)").waitFor();
    expect(open!.complaints).toEqual([]);
  });

  it("has speaker notes on every slide", async () => {
    const page = await go(DECK);
    await page.locator(".reveal.ready").waitFor();
    const without = await page.locator(".reveal .slides section:not(.stack):not(:has(aside.notes))").count();
    expect(without).toBe(0);
    const slides = await page.locator(".reveal .slides section:not(.stack)").count();
    expect(slides).toBeGreaterThanOrEqual(12);
    expect(slides).toBeLessThanOrEqual(18);
  });

  it("runs the machine in a slide, and one key puts it back", async () => {
    const page = await go(`${DECK}#/4`);
    await page.locator(".reveal.ready").waitFor();
    const stage = page.locator("section.present:not(.stack) .stage");
    await words(stage, /ready/);
    await press(stage, "to next exit");
    await words(stage, /paused in the hypervisor/);
    // Keys inside the machine are the machine's.
    await page.keyboard.press("s");
    await words(stage, /paused in the guest/);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press("r");
    await words(stage, /ready/);
  });
});
