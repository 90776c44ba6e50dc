/** Light, dark, or as the system says; and colours of the tokens for whoever cannot use CSS (canvas, Monaco). */

export type Theme = "auto" | "light" | "dark";

const KEY = "ring1:theme";
const CYCLE: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const system = matchMedia("(prefers-color-scheme: dark)");
const changes = new EventTarget();

export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

export function isDark(): boolean {
  const theme = currentTheme();
  return theme === "auto" ? system.matches : theme === "dark";
}

export function setTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing still shows the theme on this page.
  }
  changes.dispatchEvent(new Event("change"));
}

export function cycleTheme(): void {
  setTheme(CYCLE[currentTheme()]);
}

/** Calls back whenever light becomes dark or dark light; returns a function that stops it. */
export function onThemeChange(callback: () => void): () => void {
  changes.addEventListener("change", callback);
  system.addEventListener("change", callback);
  return () => {
    changes.removeEventListener("change", callback);
    system.removeEventListener("change", callback);
  };
}

/** `#rrggbb` of a colour token as the theme now has it, e.g. token("--ring-hv"). */
export function token(name: `--${string}`): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const channels = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  probe.remove();
  return `#${channels
    .slice(0, 3)
    .map((channel) => Number(channel).toString(16).padStart(2, "0"))
    .join("")}`;
}
