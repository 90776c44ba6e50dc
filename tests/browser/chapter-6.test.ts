import { expect, it } from "vitest";
import { siteForTests } from "./server.js";

const site = siteForTests();

it("asks by hypercall, is refused what would break isolation, and crosses less the longer the list is", async () => {
  const { page, complaints, close } = await site.visit("chapters/06-paravirtualisation.html");
  const prediction = page.locator(".prediction");
  await prediction.getByRole("checkbox").first().check();
  await prediction.getByRole("button", { name: "Commit to this" }).click();
  const stage = page.locator(".stage");
  await stage.getByRole("button", { name: "run", exact: true }).click();
  await stage.locator(".machine-words").filter({ hasText: "ended: power off" }).waitFor({ timeout: 60_000 });
  // What cannot be seen is not drawn.
  await stage.locator(".pane").first().scrollIntoViewIfNeeded();
  await stage.getByText("own-table -16").waitFor();
  await prediction.getByText("3 of 5 as you predicted.").waitFor({ timeout: 60_000 });
  const bars = stage.locator(".way-of-update");
  for (const [row, crossings] of [64, 16, 4, 1].entries())
    expect(await bars.nth(row).locator(".stays rect").count()).toBe(crossings);
  expect(await bars.last().locator(".stays rect").count()).toBe(0);
  expect(complaints).toEqual([]);
  await close();
});
