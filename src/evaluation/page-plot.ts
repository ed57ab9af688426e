// Plots as SVG that take the colours of the page: lines over steps, and values with their intervals. Pure text; no script.
import { escapeHtml } from './page.js';

/** Every plot is drawn twice, and the page shows the drawing that fits: in one alone, words would be too small in a narrow window. */
const DRAWINGS = [
  { name: 'broad', width: 560, tickCount: 5 },
  { name: 'narrow', width: 300, tickCount: 3 },
] as const;
type Drawing = (typeof DRAWINGS)[number];
/** Left of the axis at least; longer numbers take more. */
const MARGIN = { left: 60, right: 14, top: 10, bottom: 40 };
/** Of a number beside the axis, and of what else is there: the name of the axis, and gaps. */
const DIGIT_WIDTH = 8;
const BESIDE_NUMBERS = 28;
const SERIES_COLOURS = 6;

export interface PlotSeries {
  readonly name: string;
  /** [x, y] in order of x; points that are not finite, or not positive on a logarithmic axis, leave a gap. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly PlotSeries[];
  /** Logarithmic y axis. Default false. */
  readonly isLog?: boolean;
}

/** Lines with a legend. Values can be read in a table only where the page gives one: the plot itself is described by its title. */
export function renderLinePlot({ title, xLabel, yLabel, series, isLog = false }: LinePlot): string {
  const height = 300;
  const usable = ([x, y]: readonly [number, number]): boolean => Number.isFinite(x) && Number.isFinite(y) && (!isLog || y > 0);
  const all = series.flatMap(({ points }) => points.filter(usable));
  if (all.length === 0) return '';
  const ys = axis(all.map(([, y]) => y), { from: height - MARGIN.bottom, to: MARGIN.top, isLog });
  const left = Math.max(MARGIN.left, BESIDE_NUMBERS + DIGIT_WIDTH * Math.max(...ys.ticks.map((tick) => label(tick).length)));
  const lines = (xs: Axis): string[] => series.map(({ points }, index) => {
    const path = points.map((point, at) => {
      if (!usable(point)) return '';
      const [isBegun, isContinued] = [at > 0 && usable(points[at - 1]), at + 1 < points.length && usable(points[at + 1])];
      const dot = isBegun || isContinued ? '' : 'h0'; // a point alone shows by its round ends
      return `${isBegun ? 'L' : 'M'}${place(xs.at(point[0]))} ${place(ys.at(point[1]))}${dot}`;
    });
    return `<path d="${path.join('')}" fill="none" stroke="${colour(index)}" stroke-width="${points.length === 1 ? 6 : 1.8}" stroke-linejoin="round" stroke-linecap="round"/>`;
  });
  const content = ({ width, tickCount }: Drawing): string[] => {
    const xs = axis(all.map(([x]) => x), { from: left, to: width - MARGIN.right, tickCount });
    return [
      ...ys.ticks.map((tick) => `<path class="grid" d="M${left} ${place(ys.at(tick))}H${width - MARGIN.right}"/><text x="${left - 8}" y="${place(ys.at(tick) + 4)}" text-anchor="end">${label(tick)}</text>`),
      ...xs.ticks.map((tick) => `<text x="${place(Math.min(xs.at(tick), width - (DIGIT_WIDTH * label(tick).length) / 2))}" y="${height - MARGIN.bottom + 18}" text-anchor="middle">${label(tick)}</text>`),
      `<text x="${width - MARGIN.right}" y="${height - 4}" text-anchor="end">${escapeHtml(xLabel)}</text>`,
      `<text x="14" y="${place((height - MARGIN.bottom) / 2)}" text-anchor="middle" transform="rotate(-90 14 ${place((height - MARGIN.bottom) / 2)})">${escapeHtml(yLabel)}</text>`,
      ...lines(xs),
    ];
  };
  return figure({ title, legend: series.map(({ name }) => name), draw: (drawing) => ({ height, content: content(drawing) }) });
}

export interface IntervalRow {
  readonly name: string;
  readonly value: number;
  /** Ends of the interval; NaN where there is none. */
  readonly low: number;
  readonly high: number;
  /** Single observations behind the value, drawn faintly. */
  readonly dots?: readonly number[];
}

export interface IntervalPlot {
  readonly title: string;
  readonly xLabel: string;
  /** Ends of the axis. Default: those of the values. */
  readonly range?: readonly [number, number];
  /** Value marked by an upright line, for example chance. */
  readonly mark?: number;
  readonly rows: readonly IntervalRow[];
}

/** One line for each row: its value, its interval, and what lies behind. */
export function renderIntervalPlot({ title, xLabel, range, mark, rows }: IntervalPlot): string {
  const finite = [...(range ?? []), ...rows.flatMap(({ value, low, high, dots = [] }) => [value, low, high, ...dots])].filter(Number.isFinite);
  if (finite.length === 0) return '';
  return figure({ title, draw(drawing) {
    const { width, tickCount } = drawing;
    const { left, step, below, nameOf } = NAMES[drawing.name];
    const height = MARGIN.top + step * rows.length + MARGIN.bottom;
    const bottom = height - MARGIN.bottom;
    const xs = axis(finite, { from: left, to: width - MARGIN.right, tickCount });
    const line = (x: number, style: string): string => `<path d="M${place(xs.at(x))} ${MARGIN.top}V${bottom}" ${style}/>`;
    const drawn = rows.map((row, index) => {
      const top = MARGIN.top + step * index;
      return `${nameOf(row.name, top)}${drawRow(row, top + below, xs)}`;
    });
    return { height, content: [
      ...xs.ticks.map((tick) => `${line(tick, 'class="grid"')}<text x="${place(Math.min(xs.at(tick), width - (DIGIT_WIDTH * label(tick).length) / 2))}" y="${bottom + 18}" text-anchor="middle">${label(tick)}</text>`),
      mark === undefined ? '' : line(mark, 'stroke="var(--edge)" stroke-dasharray="5 4"'),
      `<text x="${width - MARGIN.right}" y="${height - 4}" text-anchor="end">${escapeHtml(xLabel)}</text>`,
      ...drawn,
    ] };
  } });
}

/** Where the names of rows stand: before their lines, or above them. `below` is the line's place in a row that is `step` high. */
const NAMES = {
  broad: { left: 170, step: 30, below: 15, nameOf: (name: string, top: number) => `<text x="158" y="${top + 19}" text-anchor="end">${escapeHtml(shortened(name, 22))}</text>` },
  narrow: { left: MARGIN.right, step: 44, below: 30, nameOf: (name: string, top: number) => `<text x="${MARGIN.right}" y="${top + 14}">${escapeHtml(shortened(name, 38))}</text>` },
} as const;

function shortened(name: string, most: number): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function drawRow({ value, low, high, dots = [] }: IntervalRow, y: number, xs: Axis): string {
  return [
    ...dots.map((dot) => `<circle cx="${place(xs.at(dot))}" cy="${y}" r="3" fill="var(--soft)" opacity=".45"/>`),
    Number.isFinite(low) && Number.isFinite(high) ? `<path d="M${place(xs.at(low))} ${y}H${place(xs.at(high))}M${place(xs.at(low))} ${y - 6}v12M${place(xs.at(high))} ${y - 6}v12" stroke="${colour(0)}" stroke-width="2" fill="none"/>` : '',
    Number.isFinite(value) ? `<circle cx="${place(xs.at(value))}" cy="${y}" r="5" fill="${colour(0)}"/>` : '',
  ].join('');
}

interface FigureOptions {
  readonly title: string;
  readonly legend?: readonly string[];
  readonly draw: (drawing: Drawing) => { readonly height: number; readonly content: readonly string[] };
}

function figure({ title, legend = [], draw }: FigureOptions): string {
  const keys = legend.length < 2 ? '' : `<span class="keys">${legend.map((name, index) => `<b style="color:${colour(index)}">●</b> ${escapeHtml(name)}`).join(' &ensp; ')}</span>`;
  const drawings = DRAWINGS.map((drawing) => {
    const { height, content } = draw(drawing);
    return `<svg class="${drawing.name}" viewBox="0 0 ${drawing.width} ${height}" role="img" aria-label="${escapeHtml(title)}">${content.join('')}</svg>`;
  });
  return `<figure class="plot">${drawings.join('\n')}
<figcaption>${escapeHtml(title)}${keys}</figcaption></figure>`;
}

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function axis(values: readonly number[], { from, to, isLog = false, tickCount = 5 }: { readonly from: number; readonly to: number; readonly isLog?: boolean; readonly tickCount?: number }): Axis {
  const shape = isLog ? Math.log10 : (value: number): number => value;
  let low = values.reduce((least, value) => Math.min(least, value), Infinity);
  let high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (low === high) [low, high] = isLog ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const ticks = isLog ? decadeTicks(low, high) : roundTicks(low, high, tickCount);
  return { ticks, at: (value) => from + ((shape(value) - shape(low)) / (shape(high) - shape(low))) * (to - from) };
}

/** About so many round numbers in [low, high]. */
function roundTicks(low: number, high: number, count = 5): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step);
}

/** 1, 2 and 5 times powers of ten in [low, high], or powers alone where those would be many. */
function decadeTicks(low: number, high: number): number[] {
  const factors = high / low > 300 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 }, (_, index) => Math.floor(Math.log10(low)) + index);
  const ticks = powers.flatMap((power) => factors.map((factor) => factor * 10 ** power)).filter((tick) => tick >= low && tick <= high);
  return ticks.length < 2 ? roundTicks(low, high) : ticks;
}

function label(value: number): string {
  return String(Number(value.toPrecision(4))).replace('-', '−');
}

function place(value: number): string {
  return value.toFixed(1);
}

function colour(index: number): string {
  return `var(--series-${(index % SERIES_COLOURS) + 1})`;
}
