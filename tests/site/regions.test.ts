import { describe, expect, it } from "vitest";
import { renderQuote } from "../../src/site/quote.js";
import { findQuotations, findRegions, hashOf, parseRegions, readLock } from "../../src/site/regions.js";

const regions = findRegions();
const quotations = findQuotations();

describe("quoted source", () => {
  it("has regions to look at", () => {
    expect(regions.size).toBeGreaterThan(10);
  });

  it("resolves every quotation", () => {
    expect(quotations.filter(({ name }) => !regions.has(name))).toEqual([]);
  });

  it("quotes every region somewhere", () => {
    const quoted = new Set(quotations.map(({ name }) => name));
    expect([...regions.keys()].filter((name) => !quoted.has(name))).toEqual([]);
  });

  it("keeps regions between 5 and 40 lines", () => {
    const wrong = [...regions.values()].map((region) => ({
      ...region,
      lines: region.lastLine - region.firstLine + 1,
    }));
    expect(
      wrong.filter(({ lines }) => lines < 5 || lines > 40).map(({ name, lines }) => `${name}: ${lines}`),
    ).toEqual([]);
  });

  it("has had its prose read again since the code changed (npm run regions:accept says so)", () => {
    const quoted = new Set(quotations.map(({ name }) => name));
    const now = [...regions.values()]
      .filter(({ name }) => quoted.has(name))
      .map((region) => [region.name, hashOf(region)]);
    expect(readLock()).toEqual(Object.fromEntries(now));
  });
});

describe("region marks", () => {
  it("gives the lines between the marks, moved to the left", () => {
    const source = "class A {\n  // #region one\n  f() {\n    return 1;\n  }\n  // #endregion\n}\n";
    expect(parseRegions("a.ts", source)).toEqual([
      { name: "one", path: "a.ts", firstLine: 3, lastLine: 5, text: "f() {\n  return 1;\n}" },
    ]);
  });

  it("reads the comments of assembly", () => {
    expect(parseRegions("a.asm", "; #region boot\nhlt\n; #endregion\n")[0].text).toBe("hlt");
  });

  it.each([
    ["// #region a\n// #region b\n// #endregion\n", "a.ts:2: region b opens inside region a"],
    ["x\n// #endregion\n", "a.ts:2: #endregion without a #region"],
    ["// #region a\nx\n", "a.ts:1: region a is not closed"],
  ])("refuses %j", (source, message) => {
    expect(() => parseRegions("a.ts", source)).toThrow(message);
  });

  it("fails the build for a quotation that resolves to nothing", () => {
    expect(() => renderQuote(["no-such-region"], "/chapters/x")).toThrow(
      "no region under src/ has that name",
    );
  });

  it("points a quotation at its file, its lines and its part", () => {
    const html = renderQuote(["exit-cpuid", "part=CPUID"], "/chapters/x");
    const region = regions.get("exit-cpuid")!;
    expect(html).toContain(`data-path="${region.path}"`);
    expect(html).toContain(`lines ${region.firstLine}–${region.lastLine}`);
    expect(html).toContain('href="../api/modules/hypervisor_vtx_exits_cpuid.html"');
    expect(html).toContain('data-part="CPUID"');
    expect(html).toContain('data-layer="ring-hv"');
  });
});
