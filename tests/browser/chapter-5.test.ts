import { expect, it } from "vitest";
import { siteForTests } from "./server.js";

const site = siteForTests();

it("translates block by block, chains an exit that was taken, and reads a port faster than the processor itself", async () => {
  const { page, complaints, close } = await site.visit("chapters/05-binary-translation.html");
  const prediction = page.locator(".prediction");
  await prediction.getByRole("checkbox").first().check();
  await prediction.getByRole("button", { name: "Commit to this" }).click();
  const stage = page.locator(".stage");
  const toExit = stage.getByRole("button", { name: "to next exit" });
  const words = stage.locator(".machine-words");
  const here = stage.locator(".translation-rows code.here");
  // Two pages that the shadow tables do not have yet come before it: the state page, and the first that is written.
  for (const at of ["mov byte ptr [virtual IF], 0", "mov dword ptr [0x110000]", "translate"]) {
    await toExit.click();
    await here.filter({ hasText: at }).waitFor();
  }
  await words.filter({ hasText: "CALL_OUT_TRANSLATE" }).waitFor();
  expect(await here.textContent()).toBe("int 0x30 translate");
  await toExit.click();
  await stage.locator(".translation-map .chain").first().waitFor({ state: "attached" });

  await stage.getByRole("button", { name: "run", exact: true }).click();
  await words.filter({ hasText: "ended: power off" }).waitFor({ timeout: 60_000 });
  await prediction.getByText("3 of 5 as you predicted.").waitFor({ timeout: 60_000 });
  const cells = page.locator(".measured-table tr", { hasText: "IN from" }).locator("td");
  const [native, translated, vtx] = (await cells.allTextContents()).map((text) =>
    Number(text.replace(/\D/g, "")),
  );
  expect(translated * 10).toBeLessThan(native!);
  expect(vtx).toBeGreaterThan(native!);

  // Code that changed: its blocks have been dropped.
  expect(await stage.locator(".translation-map .box.dead").count()).toBeGreaterThan(3);
  await stage.locator('.translation-map .box[data-number="1"]').click();
  await stage.getByText("Block T1").waitFor();
  expect(await stage.locator(".translation-rows tbody tr").first().textContent()).toBe(
    "cliemulated in the cachemov byte ptr [virtual IF], 0",
  );
  expect(complaints).toEqual([]);
  await close();
});
