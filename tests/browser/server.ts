/** A plain static host of dist/ under a sub-path, and a browser that looks at it. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { findChromium } from "./chromium.js";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const SUB_PATH = "/courses/ring-minus-1/";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

export interface Site {
  /** Address of the site's root, with a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/** Serves dist/ on a free loopback port, from a sub-path, as a course's web space would. */
export async function serveSite(): Promise<Site> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const asked = decodeURIComponent(pathname);
    const file = path.join(DIST, asked.slice(SUB_PATH.length), asked.endsWith("/") ? "index.html" : "");
    const inside = asked.startsWith(SUB_PATH) && file.startsWith(DIST);
    const body = inside ? await readFile(file).catch(() => undefined) : undefined;
    response.writeHead(body ? 200 : 404, {
      "Content-Type": TYPES[path.extname(file)] ?? "application/octet-stream",
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${SUB_PATH}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
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
