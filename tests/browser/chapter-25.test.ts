import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { linuxIsPrepared } from "../guests/prepared.js";
import { bzImage, ECHO, TRIPLE_FAULT } from "./bz-image.js";
import { siteForTests, type Visit } from "./server.js";

const CHAPTER = "chapters/25-a-real-linux.html";
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = { width: 390, height: 844 };
const LONG = 300_000;

const prepared = linuxIsPrepared();
const withKernel = `with Debian's kernel${prepared ? "" : " (not prepared here: npm run guests)"}`;

const site = siteForTests();
let open: Visit | null = null;

afterEach(async () => {
  await open?.close();
  open = null;
});

async function go(options: Parameters<typeof site.visit>[1] = {}): Promise<Page> {
  open = await site.visit(CHAPTER, options);
  return open.page;
}

/** The same page of a site that was built without a kernel. */
async function goWithout(): Promise<Page> {
  const page = await go();
  await page.route(/generated\/linux\.[^/]*js/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({
      response,
      body: `${await response.text()}
LINUX.images = null;`,
    });
  });
  await page.reload({ waitUntil: "networkidle" });
  return page;
}

const file = (name: string, buffer: Buffer): { name: string; mimeType: string; buffer: Buffer } => ({
  name,
  mimeType: "application/octet-stream",
  buffer,
});

/** Drops a file on the first or the second place for files. */
async function drop(page: Page, place: number, name: string, content: string): Promise<void> {
  const data = await page.evaluateHandle(
    ([as, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], as));
      return transfer;
    },
    [name, content],
  );
  await page.locator(".linux-drop").nth(place).dispatchEvent("drop", { dataTransfer: data });
}

const kernelInput = (page: Page) => page.getByLabel("A kernel of your own: choose a file");
const words = (page: Page, text: RegExp): Promise<void> =>
  page.locator(".machine-words").filter({ hasText: text }).waitFor({ timeout: 60_000 });
const screen = (page: Page) => page.locator(".terminal .xterm-accessibility, .terminal .xterm-rows").first();
const notice = (page: Page) => page.locator(".machine-notice");

describe("the capstone without a kernel", { timeout: LONG }, () => {
  it("explains how to get one, and has a figure all the same", async () => {
    const page = await goWithout();
    await page.locator(".linux-absent", { hasText: "npm run guests" }).waitFor();
    expect(await page.getByRole("button", { name: "Boot the site’s kernel" }).count()).toBe(0);
    await page
      .locator("#figure-boot-map svg")
      .getByText(/the zero page/)
      .waitFor();
    expect(open!.complaints).toEqual([]);
  });

  it("fetches no terminal and no kernel before one is booted", async () => {
    const page = await go();
    const fetched = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => name),
    );
    expect(fetched.filter((name) => /generated\/xterm|vmlinuz|initramfs/.test(name))).toEqual([]);
  });

  it("boots a kernel that is chosen, types into it, and boots it again", async () => {
    const page = await goWithout();
    await kernelInput(page).setInputFiles(file("echo", bzImage(ECHO)));
    await screen(page).getByText(/type:/).first().waitFor({ timeout: 60_000 });
    await page.keyboard.type("hello");
    await screen(page)
      .getByText(/type: hello/)
      .first()
      .waitFor({ timeout: 60_000 });
    await page.keyboard.type(".");
    await words(page, /ended: power off/);
    await page.locator(".machine-controls").getByRole("button", { name: "back" }).click();
    await words(page, /paused/);
    await page.getByRole("button", { name: "Boot the dropped kernel" }).click();
    await words(page, /running/);
    expect(open!.complaints).toEqual([]);
  });

  it("is left by keyboard, both ways", async () => {
    const page = await goWithout();
    await kernelInput(page).setInputFiles(file("echo", bzImage(ECHO)));
    await screen(page).getByText(/type:/).first().waitFor({ timeout: 60_000 });
    const inside = (): Promise<boolean> =>
      page.evaluate(() => document.activeElement!.closest(".terminal-host") !== null);
    await page.locator(".terminal-host textarea").focus();
    await page.keyboard.press("F6");
    expect(await inside()).toBe(false);
    await page.locator(".terminal-host textarea").focus();
    await page.keyboard.press("Tab");
    expect(await inside()).toBe(true);
    await page.keyboard.press("Shift+Tab");
    expect(await inside()).toBe(false);
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`)).toEqual(
      [],
    );
  });

  it("says what is wrong with a file that is no kernel, and takes the next one", async () => {
    const page = await goWithout();
    await drop(page, 0, "diary.txt", "Dear diary, today I have learnt what a bzImage is.");
    await notice(page)
      .getByText(/"diary\.txt" is neither ELF nor .* nor a Linux kernel/)
      .waitFor({
        timeout: 60_000,
      });
    await kernelInput(page).setInputFiles(file("empty", Buffer.alloc(0)));
    await notice(page)
      .getByText(/"empty" is an empty file/)
      .waitFor({ timeout: 60_000 });
    await kernelInput(page).setInputFiles(file("echo", bzImage(ECHO)));
    await screen(page).getByText(/type:/).first().waitFor({ timeout: 60_000 });
    expect(await notice(page).innerText()).toBe("");
  });

  it("says so when the initramfs does not fit, and when the kernel shuts the processor down", async () => {
    const page = await goWithout();
    await page.getByLabel(/^RAM/).selectOption("64");
    await drop(page, 1, "large.cpio", "0".repeat(70 << 20));
    await page.locator(".linux-drop", { hasText: "large.cpio" }).waitFor();
    await kernelInput(page).setInputFiles(file("echo", bzImage(ECHO)));
    await notice(page)
      .getByText(/the initramfs of 70 MiB does not fit/)
      .waitFor({ timeout: 60_000 });
    await drop(page, 1, "small.cpio", "0");
    await page.locator(".linux-drop", { hasText: "small.cpio" }).waitFor();
    await kernelInput(page).setInputFiles(file("fault", bzImage(TRIPLE_FAULT)));
    await notice(page)
      .getByText(/processor shut down/)
      .first()
      .waitFor({ timeout: 60_000 });
    expect(open!.complaints).toEqual([]);
  });

  it("does not scroll sideways on a phone with the terminal open", async () => {
    const page = await go({ viewport: PHONE });
    await kernelInput(page).setInputFiles(file("echo", bzImage(ECHO)));
    await screen(page).getByText(/type:/).first().waitFor({ timeout: 60_000 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  });
});

describe.skipIf(!prepared)(`the capstone ${withKernel}`, { timeout: LONG }, () => {
  const exits = async (page: Page): Promise<number> => {
    const text = await page
      .locator(".exit-table tbody tr", { hasText: "I/O" })
      .locator("td")
      .nth(1)
      .innerText();
    return Number(text.replace(/\D/g, ""));
  };

  it("boots, live, and pauses", async () => {
    const page = await go();
    await page.getByRole("button", { name: "Boot the site’s kernel" }).click();
    await screen(page)
      .getByText(/Linux version|Command line: console=ttyS0/)
      .first()
      .waitFor({ timeout: LONG });
    const before = await exits(page);
    await expect.poll(() => exits(page), { timeout: 60_000 }).toBeGreaterThan(before);
    await page.locator(".machine-controls").getByRole("button", { name: "pause" }).click();
    await words(page, /paused/);
    expect(open!.complaints).toEqual([]);
  });

  it("reaches a shell that one can type in, and powers off", async () => {
    const page = await go();
    await page.getByRole("button", { name: "Boot the site’s kernel" }).click();
    await screen(page)
      .getByText(/ring1:\/#/)
      .first()
      .waitFor({ timeout: LONG });
    await page.keyboard.type("echo answer=$((6*7))\n");
    await screen(page)
      .getByText(/answer=42/)
      .first()
      .waitFor({ timeout: 60_000 });
    await page.keyboard.type("poweroff -f\n");
    await words(page, /ended: power off/);
    expect(open!.complaints).toEqual([]);
  });
});
