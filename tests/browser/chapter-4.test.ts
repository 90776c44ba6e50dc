import { expect, it } from "vitest";
import { siteForTests } from "./server.js";

const site = siteForTests();

it("runs the kernel at ring 1: half of the instructions trap, POPF does not, and predictions are judged", async () => {
  const { page, complaints, close } = await site.visit("chapters/04-rings-before-2006.html");
  const prediction = page.locator(".prediction");
  await prediction.getByRole("checkbox").first().check();
  await prediction.getByRole("button", { name: "Commit to this" }).click();
  const stage = page.locator(".stage");
  await stage.getByRole("button", { name: "run", exact: true }).click();
  await stage
    .locator(".machine-words")
    .filter({ hasText: /ended: power off/ })
    .waitFor({ timeout: 60_000 });
  await stage.getByText("26 instructions of 26").waitFor();
  expect(await stage.locator('.tile[data-fate="trapped"]').count()).toBe(13);
  expect(await stage.locator('.tile[data-fate="silent"]').count()).toBe(13);
  expect(await stage.locator('.tile[data-fate="silent"]', { hasText: "POPF" }).textContent()).toMatch(
    /200 ≠ 0/,
  );
  await prediction.getByText("5 of 7 as you predicted.").waitFor();
  expect(complaints).toEqual([]);
  await close();
});
