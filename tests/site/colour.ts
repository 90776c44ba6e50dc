/** Colour arithmetic for the palette test: WCAG contrast, OKLab distance, and how colour-blind eyes see a colour. */

export type Rgb = readonly [red: number, green: number, blue: number];

/** `#rrggbb` to channels 0 … 1. */
export function parseHex(hex: string): Rgb {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  if (!match) throw new RangeError(`not a #rrggbb colour: ${hex}`);
  return match.slice(1).map((pair) => parseInt(pair, 16) / 255) as unknown as Rgb;
}

const linear = (channel: number): number =>
  channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;

const toLinear = (colour: Rgb): Rgb => colour.map(linear) as unknown as Rgb;

function luminance(colour: Rgb): number {
  const [red, green, blue] = toLinear(colour);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2 contrast ratio, 1 … 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const apply = (matrix: readonly Rgb[], [x, y, z]: Rgb): Rgb =>
  matrix.map((row) => row[0] * x + row[1] * y + row[2] * z) as unknown as Rgb;

/** Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB. */
export const SIGHT: Record<string, readonly Rgb[]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
  achromatopsia: [
    [0.2126, 0.7152, 0.0722],
    [0.2126, 0.7152, 0.0722],
    [0.2126, 0.7152, 0.0722],
  ],
};

function okLab(linearRgb: Rgb): Rgb {
  const [red, green, blue] = linearRgb.map((channel) => Math.max(0, channel));
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Distance in OKLab times 100 as eyes of the given kind see it; about 2 is just noticeable. */
export function distance(a: Rgb, b: Rgb, sight: keyof typeof SIGHT = "normal"): number {
  const [p, q] = [a, b].map((colour) => okLab(apply(SIGHT[sight], toLinear(colour))));
  return 100 * Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}
