/** A plain static host on loopback, as any course's web space is one. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

/** Path of a request within the folder; undefined for one that is malformed or leaves it. */
function fileOf(url: string, folder: string, subPath: string): string | undefined {
  try {
    const asked = decodeURIComponent(new URL(url, "http://localhost").pathname);
    if (!asked.startsWith(subPath)) return undefined;
    const file = path.join(folder, asked.slice(subPath.length), asked.endsWith("/") ? "index.html" : "");
    return file.startsWith(folder + path.sep) ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Serves a folder on 127.0.0.1.
 *
 * @param subPath - where the site begins, with a slash at both ends
 * @param port - 0 for a free one
 * @returns the server and the address of the site's root; rejects when the port is taken
 */
export async function serveFolder(
  folder: string,
  subPath: string,
  port: number,
): Promise<{ server: Server; url: string }> {
  const server = createServer(async (request, response) => {
    const file = fileOf(request.url ?? "/", folder, subPath);
    const body = file && (await readFile(file).catch(() => undefined));
    response.writeHead(body ? 200 : 404, {
      "Content-Type": TYPES[path.extname(file ?? "")] ?? "application/octet-stream",
    });
    response.end(body || "Not found");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${taken}${subPath}` };
}
