import AxeBuilder from "@axe-core/playwright";
import { describe, expect, it } from "vitest";
import { CHAPTERS, LABS, WRITTEN, chapterPath, deckPath } from "../../docs/chapters.js";
import { siteForTests } from "./server.js";

const CHAPTER_PAGES = WRITTEN.map((chapter) => `${chapterPath(chapter).slice(1)}.html`);
const DECKS = WRITTEN.filter((chapter) => chapter.deck).map(
  (chapter) => `${deckPath(chapter).slice(1)}.html`,
);
const LAB_PAGES = LABS.map(({ page }) => `${page.slice(1)}.html`);
const APPENDIX_PAGES = ["authors", "lockstep", "processor"].map((name) => `appendices/${name}.html`);
const PAGES = ["index.html", ...APPENDIX_PAGES, ...CHAPTER_PAGES, ...LAB_PAGES];
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const THEMES = ["light", "dark"] as const;
const PHONE = { width: 390, height: 844 };

const site = siteForTests();

describe.each(PAGES)("%s", (path) => {
  it.each(THEMES)("opens without complaint and meets WCAG 2.2 AA, %s", async (colorScheme) => {
    const { page, complaints, close } = await site.visit(path, { colorScheme });
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`)).toEqual(
      [],
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it("does not scroll sideways on a phone", async () => {
    const { page, close } = await site.visit(path, { viewport: PHONE });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    await close();
  });
});

describe("the cover", () => {
  it("lists every chapter and links those that are written", async () => {
    const { page, close } = await site.visit("");
    const text = await page.locator(".contents").innerText();
    for (const { title } of CHAPTERS) expect(text).toContain(title);
    const links = await page
      .locator("a.contents-title")
      .evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href));
    for (const chapter of WRITTEN)
      expect(links).toContain(`${site.url}${chapterPath(chapter).slice(1)}.html`);
    for (const link of links) expect((await page.request.get(link)).status(), link).toBe(200);
    await close();
  });

  it("keeps the reader's theme", async () => {
    const { page, close } = await site.visit("", { colorScheme: "light" });
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await paper();
    await page.click(".theme-switch");
    expect(await paper()).toBe(light);
    await page.click(".theme-switch");
    const dark = await paper();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await paper()).toBe(dark);
    await close();
  });

  it.each([
    ["GUEST_CR3", "VMCS field 0x6802"],
    ["hlt", "exit reason 12"],
    ["efer", "MSR 0xc0000080"],
  ])("finds %s", async (query, kind) => {
    const { page, complaints, close } = await site.visit("");
    await page.keyboard.press("/");
    await page.fill(".search-dialog input", query);
    await page.locator(".search-results li", { hasText: kind }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/#|chapters/);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("quoted source", () => {
  it("opens in an editor, shows errors, is kept, and is left by keyboard", { timeout: 120_000 }, async () => {
    const { page, complaints, close } = await site.visit("appendices/authors.html");
    expect(
      await page.evaluate(() =>
        performance.getEntriesByType("resource").some(({ name }) => name.includes("monaco.")),
      ),
    ).toBe(false);
    await page.evaluate(() => {
      addEventListener(
        "ring1:run-part",
        ({ detail }) => (document.title = `${detail.part} ${detail.js.length}`),
      );
    });
    await page.click(".edit-source");
    await page.locator(".editor-words", { hasText: "As in the source." }).waitFor();
    await page.click(".editor .primary");
    await expect.poll(() => page.title(), { timeout: 20_000 }).toMatch(/^CPUID \d{3,}$/);
    await page.click(".editor-host", { position: { x: 150, y: 60 } });
    await page.keyboard.type("const wrong: string = 1;");
    await page.locator(".editor-problems", { hasText: /error/ }).waitFor();
    await page.locator(".editor-words", { hasText: "kept in this browser" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest(".editor-host"))).toBeNull();
    await page.reload();
    await page.click(".edit-source");
    await page.locator(".editor-words", { hasText: "kept in this browser" }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });
});

describe.each(DECKS)("%s", (path) => {
  const slide = "() => document.querySelector('.slides .present:not(.stack)')?.getAttribute('aria-label')";

  it("turns slides by key, shows an overview, help and a way back", async () => {
    const { page, complaints, close } = await site.visit(path);
    await page.locator(".reveal.ready").waitFor();
    const first = await page.evaluate(slide);
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => page.url()).toContain("#/1");
    await page.keyboard.press("Escape");
    await page.locator(".reveal.overview").waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(slide)).toBe(first);
    await page.keyboard.press("?");
    await page.getByText("Laser dot").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("has a speaker view with notes, clock and the next slide", async () => {
    const { page, close } = await site.visit(path);
    await page.locator(".reveal.ready").waitFor();
    const [speaker] = await Promise.all([page.waitForEvent("popup"), page.keyboard.press("s")]);
    await speaker.locator(".speaker-controls-time .clock-value, .clock-value").first().waitFor();
    await speaker.locator("#upcoming-slide iframe").waitFor();
    await close();
  });

  it("prints one page a slide", async () => {
    const { page, close } = await site.visit(`${path}?print-pdf`);
    await page.locator(".pdf-page").first().waitFor();
    const slides = await page.locator(".slides section:not(.stack)").count();
    expect(await page.locator(".pdf-page").count()).toBe(slides);
    await close();
  });
});
