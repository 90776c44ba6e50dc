import { mkdirSync } from "node:fs";
import path from "node:path";
import { DOCS } from "./paths.js";

/**
 * Packages that Framework's standard library names but no page of ours uses. Framework asks a registry for their newest
 * version at every build; a folder in its cache stops the question.
 */
const UNUSED = [
  "@duckdb/duckdb-wasm",
  "@observablehq/plot",
  "@observablehq/sample-datasets",
  "@uwdata/vgplot",
  "@viz-js/viz",
  "apache-arrow",
  "arquero",
  "d3",
  "d3-dsv",
  "echarts",
  "exceljs",
  "htl",
  "isoformat",
  "jszip",
  "katex",
  "leaflet",
  "lodash",
  "mapbox-gl",
  "mermaid",
  "parquet-wasm",
  "react-dom",
  "sql.js",
  "topojson-client",
  "vega",
  "vega-lite",
  "vega-lite-api",
];

/** Keeps Framework off the network. Pages import what they use by its bare name, from node_modules. */
export function seedOfflineCache(): void {
  for (const name of UNUSED) {
    mkdirSync(path.join(DOCS, ".observablehq", "cache", "_npm", `${name}@0.0.0`), { recursive: true });
  }
}
