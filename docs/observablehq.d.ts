/** Framework's own modules, as far as components use them. */
declare module "observablehq:stdlib" {
  interface Attachment {
    readonly name: string;
    readonly href: string;
    url(): Promise<string>;
    json(): Promise<unknown>;
    text(): Promise<string>;
    arrayBuffer(): Promise<ArrayBuffer>;
  }
  export function FileAttachment(path: string): Attachment;
}

/** Style sheets that esbuild bundles. */
declare module "*.css";
