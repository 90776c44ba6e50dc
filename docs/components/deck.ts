/**
 * A deck: reveal.js around the sections that src/site/deck.ts makes of a page under lectures/.
 *
 * Keys pressed inside what works by keys of its own (a machine, an editor, a figure with `data-own-keys`, a form
 * control) never turn a slide. `R` asks the demonstrations of the slide for their prepared state: the event
 * "ring1:reset-demo" starts at the slide and bubbles.
 */
import "./source.js";
import Reveal from "reveal.js";
import Notes from "reveal.js/plugin/notes";
import { cycleTheme } from "./theme.js";

const OWN_KEYS = "[data-own-keys], .machine, .editor, input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], summary, [role=button]";
const LASER = 68;
const RESET = 82;
const THEME = 84;

/** Keys that a focused control needs for itself. */
const ACTIVATES = new Set(["Enter", " "]);

function forTheDeck(event: KeyboardEvent): boolean {
  const target = event.target as Element;
  if (target.closest(OWN_KEYS)) return false;
  return !(ACTIVATES.has(event.key) && target.closest(PRESSABLE));
}

/** A red dot that follows the mouse, for pointing at a projected slide. */
function toggleLaser(): void {
  const existing = document.querySelector(".laser");
  if (existing) {
    existing.remove();
    return;
  }
  const dot = document.createElement("div");
  dot.className = "laser";
  document.body.append(dot);
  const follow = (event: PointerEvent): void => {
    if (dot.isConnected) dot.style.translate = `${event.clientX}px ${event.clientY}px`;
    else removeEventListener("pointermove", follow);
  };
  addEventListener("pointermove", follow);
}

/** reveal knows `?` by the key code of American keyboards; elsewhere the character sits on other keys. */
function helpOnAnyKeyboard(deck: InstanceType<typeof Reveal>): void {
  const listen = (event: KeyboardEvent): void => {
    if (event.key !== "?" || !forTheDeck(event)) return;
    event.preventDefault();
    event.stopPropagation();
    deck.toggleHelp();
  };
  addEventListener("keydown", listen, { capture: true });
}

/** Framework replaces the page when its Markdown changes in preview; reveal cannot follow that, a reload can. */
function reloadWhenReplaced(root: Element): void {
  new MutationObserver(() => {
    if (!root.isConnected) location.reload();
  }).observe(document.querySelector("main")!, { childList: true, subtree: true });
}

/**
 * The speaker view sends its frames the state when the first of them is ready; a frame that was still loading then has
 * missed it. So every frame says when it is ready, and the audience's window answers with the state ("resumed" is one of
 * the events at which the Notes plugin sends it).
 */
function keepSpeakerInStep(deck: InstanceType<typeof Reveal>): void {
  const ready = "ring1:speaker-frame-ready";
  addEventListener(ready, () => deck.dispatchEvent({ type: "resumed" }));
  if (new URLSearchParams(location.search).has("receiver"))
    (parent.opener as Window | null)?.dispatchEvent(new Event(ready));
}

function nameTheParts(deck: InstanceType<typeof Reveal>): void {
  document.querySelector(".reveal .progress")?.setAttribute("title", "Click to jump");
  for (const slide of deck.getSlides()) {
    const heading = slide.querySelector("h1, h2, h3");
    slide.setAttribute("role", "group");
    slide.setAttribute("aria-roledescription", "slide");
    if (heading) slide.setAttribute("aria-label", heading.textContent ?? "");
  }
}

async function start(root: HTMLElement): Promise<void> {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const deck = new Reveal(root, {
    width: 1280,
    height: 720,
    margin: 0.04,
    minScale: 0.1,
    maxScale: 4,
    center: false,
    hash: true,
    slideNumber: "c/t",
    showSlideNumber: "all",
    controlsTutorial: false,
    transition: still ? "none" : "slide",
    transitionSpeed: "fast",
    backgroundTransition: "none",
    navigationMode: "default",
    jumpToSlide: true,
    pdfSeparateFragments: false,
    keyboard: new URLSearchParams(location.search).get("keys") !== "off",
    keyboardCondition: forTheDeck,
    plugins: [Notes],
  });
  await deck.initialize();
  deck.addKeyBinding({ keyCode: LASER, key: "D", description: "Laser dot" }, toggleLaser);
  deck.addKeyBinding(
    { keyCode: THEME, key: "T", description: "Theme: as the system says, light, dark" },
    cycleTheme,
  );
  deck.addKeyBinding(
    { keyCode: RESET, key: "R", description: "Put the demonstrations of this slide back" },
    () => {
      deck.getCurrentSlide().dispatchEvent(new CustomEvent("ring1:reset-demo", { bubbles: true }));
    },
  );
  if (deck.getConfig().keyboard) helpOnAnyKeyboard(deck);
  keepSpeakerInStep(deck);
  nameTheParts(deck);
  reloadWhenReplaced(root);
}

const root = document.querySelector<HTMLElement>(".reveal");
if (root) void start(root);
