/** Where a reader says what to boot: the kernel that the site has, or files of their own. */
import type { CpuMode } from "../../lib/experiments/view.js";
import { bytesInWords } from "../figures/boot-map.js";
import { element } from "../figures/frame.js";
import type { ImageSource } from "../machine/protocol.js";
import { fileDrop, type ChosenFile } from "./file-drop.js";
import type { PreparedLinux } from "./prepared-linux.js";

export interface BootChoice {
  /** The kernel's name, for messages. */
  name: string;
  image: ImageSource;
  initrd?: ImageSource;
  commandLine: string;
  ramBytes: number;
  cpuMode: CpuMode;
}

const RAM_CHOICES = [64, 128, 256, 512, 1024];

const MODES: readonly [CpuMode, string][] = [
  ["vtx", "in a VM, under the hypervisor"],
  ["native", "on the bare machine"],
];

export function opener(linux: PreparedLinux, boot: (choice: BootChoice) => void): HTMLElement {
  const chosen: { kernel?: ChosenFile; initrd?: ChosenFile } = {};
  const line = element("input", {
    class: "field",
    type: "text",
    spellcheck: "false",
    value: linux.commandLine,
  });
  const ram = select(RAM_CHOICES.map((mib) => [String(mib), `${mib} MiB`]));
  ram.value = String(linux.ramMebibytes);
  const mode = select(MODES);
  const start = (kernel: ChosenFile | null): void =>
    boot({
      name: kernel?.name ?? `Linux ${linux.version}`,
      image: kernel ? { bytes: kernel.bytes } : { address: linux.images!.kernel },
      initrd: chosen.initrd
        ? { bytes: chosen.initrd.bytes }
        : linux.images
          ? { address: linux.images.initrd }
          : undefined,
      commandLine: line.value.trim(),
      ramBytes: Number(ram.value) * 2 ** 20,
      cpuMode: mode.value as CpuMode,
    });
  const prepared = element("button", { type: "button", class: "button primary" }, "Boot the site’s kernel");
  prepared.addEventListener("click", () => start(null));
  const own = element("button", { type: "button", class: "button" }, "Boot the dropped kernel");
  own.disabled = true;
  own.addEventListener("click", () => chosen.kernel && start(chosen.kernel));
  const drops = element(
    "div",
    { class: "linux-drops" },
    fileDrop({
      title: "A kernel of your own",
      empty: "Drop a bzImage (vmlinuz-…) or a vmlinux here.",
      onChosen(file) {
        chosen.kernel = file;
        own.disabled = false;
        start(file);
      },
    }),
    fileDrop({
      title: "An initramfs of your own",
      empty: linux.images
        ? "Drop a cpio archive here; the site’s own is used otherwise."
        : "Drop a cpio archive here, compressed or not, before the kernel.",
      onChosen: (file) => (chosen.initrd = file),
    }),
  );
  return element(
    "section",
    { class: "linux-opener", "aria-label": "What to boot" },
    linux.images ? about(linux) : howToGet(),
    drops,
    element(
      "div",
      { class: "linux-fields" },
      element("label", { class: "linux-command" }, "Command line of the kernel", line),
      element("label", {}, "RAM", ram),
      element("label", {}, "Where", mode),
    ),
    element("div", { class: "linux-buttons" }, ...(linux.images ? [prepared] : []), own),
  );
}

function select(choices: readonly (readonly [value: string, text: string])[]): HTMLSelectElement {
  const made = element("select", { class: "field" });
  for (const [value, text] of choices) made.append(element("option", { value }, text));
  return made;
}

function about({ version, kernelBytes, initrdBytes }: PreparedLinux): HTMLElement {
  return element(
    "p",
    {},
    `This site has Debian’s kernel ${version} as it came, ${bytesInWords(kernelBytes)}, and an initramfs of ${bytesInWords(initrdBytes)} with a busybox shell. They are fetched when you boot; the machine is then in this page and asks for nothing more.`,
  );
}

function howToGet(): HTMLElement {
  return element(
    "p",
    { class: "linux-absent" },
    "This site was built without a kernel, since none may be shipped with it. On a Debian machine, ",
    element("code", {}, "npm run guests"),
    " fetches Debian’s and makes an initramfs; ",
    element("code", {}, "npm run guests -- --kernel FILE --busybox FILE"),
    " takes yours. The next ",
    element("code", {}, "npm run build"),
    " puts them here. Or drop files below: any x86-64 kernel since Linux 3.8, as distributions install it under ",
    element("code", {}, "/boot"),
    ". Nothing leaves this page.",
  );
}
