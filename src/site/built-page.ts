import { PRELOADED_FONTS } from "./fonts.js";
import { relativeTo } from "./paths.js";

/** Where the built pages' style sheet of fonts looks for them. */
export const BUILT_FONTS = "_file/components/generated/fonts";

const SKIP_LINK = '<a class="skip-link" href="#observablehq-main">Skip to the text</a>\n';

/**
 * What Framework's page lacks: the language, a viewport that lets readers zoom, a way past the running head, code
 * that scrolls by keyboard, and the faces of the first screen fetched early. `page` is the path from the root of the
 * site, e.g. "/chapters/x.html".
 */
export function rewritePage(html: string, page: string): string {
  const preloads = PRELOADED_FONTS.map(
    (file) =>
      `<link rel="preload" as="font" type="font/woff2" crossorigin href="${relativeTo(page, `${BUILT_FONTS}/${file}`)}">\n`,
  ).join("");
  const isDeck = page.startsWith("/lectures/");
  return html
    .replace("<html>", '<html lang="en">')
    .replace(/, maximum-scale=1(?=")/, "")
    .replace("</title>\n", `</title>\n${preloads}`)
    .replace("<body>", `<body>\n${isDeck ? "" : SKIP_LINK}`)
    .replace('<main id="observablehq-main"', '<main id="observablehq-main" tabindex="-1"')
    .replace(/<pre(?=[ >])(?![^>]*tabindex)/g, '<pre tabindex="0"');
}

/** TypeDoc writes its own links as they are, whatever the depth of the page: the way back is put in here. */
export function rewriteReference(html: string, page: string): string {
  return html.replaceAll('href="#notebook"', `href="${relativeTo(page, "/index.html")}"`);
}

/** Addresses of other hosts that the page would fetch by itself; links that a reader follows do not count. */
export function foreignFetches(html: string): string[] {
  const fetching =
    /<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc="(https?:\/\/[^"]+)"|<link\b[^>]*\bhref="(https?:\/\/[^"]+)"/g;
  return [...html.matchAll(fetching)].map((match) => match[1] ?? match[2]);
}

/** Targets of links into the API reference, as paths from the root of the site. */
export function apiLinks(html: string): string[] {
  return [...html.matchAll(/href="[./]*(api\/[^"#]+)/g)].map((match) => match[1]);
}
