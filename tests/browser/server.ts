/** A plain static host of dist/ under a sub-path, and a browser that looks at it. */
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { serveFolder } from "../../src/site/static-server.js";
import { findChromium } from "./chromium.js";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const SUB_PATH = "/courses/ring-minus-1/";

export interface Site {
  /** Address of the site's root, with a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/** Serves dist/ on a free loopback port, from a sub-path, as a course's web space would. */
export async function serveSite(): Promise<Site> {
  const { server, url } = await serveFolder(DIST, SUB_PATH, 0);
  return { url, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

export async function launchBrowser(): Promise<Browser> {
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

/** Opens a page of the site in a context of its own, and notes everything that goes wrong on it. */
export async function visit(
  browser: Browser,
  site: Site,
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
    if (protocol.startsWith("http") && origin !== new URL(site.url).origin)
      complaints.push(`outside: ${request.url()}`);
  });
  await tab.goto(new URL(page, site.url).href, { waitUntil: "networkidle" });
  return { page: tab, complaints, close: () => context.close() };
}
