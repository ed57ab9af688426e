// Colours for pictures that people look at: black over violet and orange to pale yellow, made in OKLab so that equal steps look equal.

/** Lightness of the last colour, in OKLab. */
const BRIGHTEST = 0.97;

/** Level in [0, 1] → OKLab [lightness, a, b]. Lightness is proportional to level; hue turns from blue-violet to yellow. */
function toOklab(level: number): [number, number, number] {
  const hue = (Math.PI / 180) * (282 + 170 * level ** 1.25);
  const chroma = 0.78 * level * (1 - level) * (1 - 0.28 * level) + 0.09 * level ** 3;
  return [BRIGHTEST * level, chroma * Math.cos(hue), chroma * Math.sin(hue)];
}

/** OKLab → sRGB in [0, 255], clipped. Source: Ottosson, "A perceptual color space for image processing" (2020). */
function toRgb([lightness, a, b]: readonly [number, number, number]): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toByte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    toByte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    toByte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function toByte(linear: number): number {
  const encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(Math.max(encoded, 0), 1));
}

export type ColourMapName = 'ember' | 'grey';

/** 256 colours from silent to loud. Shape: [256*3], red, green, blue. */
export function colourMap(name: ColourMapName): Uint8Array {
  const colours = new Uint8Array(256 * 3);
  for (let index = 0; index < 256; index += 1) {
    colours.set(name === 'grey' ? [index, index, index] : toRgb(toOklab(index / 255)), 3 * index);
  }
  return colours;
}
