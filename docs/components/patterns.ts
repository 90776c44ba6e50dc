/**
 * The pattern of each layer as SVG: plain for user code, lines rising to the right for the guest kernel, dots for the
 * hypervisor, a grid for hardware. Every page carries the definitions, so a figure writes
 * `fill="url(#pattern-ring-0)"` for a solid fill or `url(#pattern-ring-0-soft)` for a ground under text.
 */

const SIZE = 6;

/** Marks in the colour `ink` on the colour `ground`. */
const MARKS: Record<string, (ink: string) => string> = {
  "ring-3": () => "",
  "ring-0": (ink) =>
    `<path d="M-1 ${SIZE + 1} ${SIZE + 1} -1M-1 1 1 -1M${SIZE - 1} ${SIZE + 1} ${SIZE + 1} ${SIZE - 1}" stroke="${ink}" stroke-width="1.3"/>`,
  "ring-hv": (ink) =>
    `<circle cx="1.6" cy="1.6" r="1" fill="${ink}"/><circle cx="4.6" cy="4.6" r="1" fill="${ink}"/>`,
  hardware: (ink) => `<path d="M0 .5H${SIZE}M.5 0V${SIZE}" stroke="${ink}" stroke-width="1"/>`,
};

function pattern(id: string, ground: string, marks: string): string {
  return `<pattern id="pattern-${id}" width="${SIZE}" height="${SIZE}" patternUnits="userSpaceOnUse"><rect width="${SIZE}" height="${SIZE}" fill="${ground}"/>${marks}</pattern>`;
}

/** Contents of a `<defs>`: a solid and a soft pattern for every layer. */
export const PATTERNS = Object.entries(MARKS)
  .map(
    ([layer, marks]) =>
      pattern(layer, `var(--${layer})`, marks(`color-mix(in oklab, var(--${layer}), var(--paper) 50%)`)) +
      pattern(
        `${layer}-soft`,
        `var(--${layer}-soft)`,
        marks(`color-mix(in oklab, var(--${layer}), var(--${layer}-soft) 78%)`),
      ),
  )
  .join("");
