/** A plain static host of dist/ under a sub-path, and a browser that looks at it. */
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { serveFolder } from "../../src/site/static-server.js";
import { findChromium } from "./chromium.js";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const SUB_PATH = "/courses/ring-minus-1/";

interface Served {
  /** Address of the site's root, with a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/** Serves dist/ on a free loopback port, from a sub-path, as a course's web space would. */
async function serve(): Promise<Served> {
  const { server, url } = await serveFolder(DIST, SUB_PATH, 0);
  return { url, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error("No Chromium found. Install one, or set the environment variable CHROMIUM to its path.");
  }
  const args = ["--disable-gpu", "--disable-background-networking", "--no-first-run"];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath, args });
}

export interface Visit {
  page: Page;
  /** What went wrong so far: console errors, exceptions, failed requests, requests to other hosts. */
  complaints: string[];
  close(): Promise<void>;
}

/** The site, for the tests of one file. */
export interface Site {
  /** Address of its root, with a slash at the end. */
  readonly url: string;
  /** Opens one of its pages in a browser context of its own, and notes everything that goes wrong there. */
  visit(page: string, options?: BrowserContextOptions): Promise<Visit>;
}

/** Serves the site and launches a browser before the tests of the file that calls it, and closes both after them. */
export function siteForTests(): Site {
  let served: Served;
  let browser: Browser;
  beforeAll(async () => {
    served = await serve();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });
  return {
    get url() {
      return served.url;
    },
    visit: (page, options) => visit(browser, served.url, page, options),
  };
}

async function visit(
  browser: Browser,
  url: string,
  page: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const tab = await context.newPage();
  const complaints: string[] = [];
  tab.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  tab.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  tab.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  tab.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(url).origin)
      complaints.push(`outside: ${request.url()}`);
  });
  await tab.goto(new URL(page, url).href, { waitUntil: "networkidle" });
  return { page: tab, complaints, close: () => context.close() };
}
