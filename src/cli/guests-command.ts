import { Command } from "commander";
import { catalogue } from "./assets.js";

/** `ring1 guests`. */
export function guestsCommand(): Command {
  return new Command("guests")
    .summary("list the built-in guests")
    .description("Lists the built-in guests.")
    .action(() => {
      const width = Math.max(...catalogue().map(({ name }) => name.length));
      for (const { name, title } of catalogue()) process.stdout.write(`${name.padEnd(width)}  ${title}\n`);
    });
}
