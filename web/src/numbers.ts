// Numbers of curves, as the server computes them: what is shown without scripts and with them is the same.
import type { Line, Panel } from "./comparison";

type Values = readonly (number | null)[];

// Debiased moving average; mirrors homeostat.stats.smoothing.
export const smoothed = (values: Values, weight: number): (number | null)[] => {
  let [kept, seen] = [0, 1];
  return values.map((value) => {
    if (value === null) return null;
    kept = weight * kept + (1 - weight) * value;
    seen *= weight;
    return kept / (1 - seen);
  });
};

// Through the lowest and the highest of each bucket, the nearer one first; mirrors homeostat.ui.charts.compared.
export const zigzag = (line: Line): [number, number | null][] => {
  if (!line.low.length) return line.x.map((x, index) => [x, line.mean[index] ?? null]);
  let last = -Infinity;
  return line.x.flatMap((x, index): [number, number | null][] => {
    const [low, high] = [line.low[index] ?? null, line.high[index] ?? null];
    if (low === null || high === null) return [[x, null]];
    const isUp = Math.abs(low - last) <= Math.abs(high - last);
    last = isUp ? high : low;
    if (low === high) return [[x, low]];
    return isUp ? [[x, low], [x, high]] : [[x, high], [x, low]];
  });
};

// 1 to 5 by rank; 0 for none.
export const shades = (values: Values): number[] => {
  const known = [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
  const places = new Map(known.map((value, place) => [value, 1 + Math.min(Math.floor((5 * place) / known.length), 4)]));
  return values.map((value) => (value === null ? 0 : (places.get(value) ?? 0)));
};

export const formatted = (value: number): string => String(Number(value.toPrecision(5)));

export const short = (value: number): string => {
  for (const [size, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const)
    if (Math.abs(value) >= size && (size > 1e3 || Math.abs(value) >= 1e4)) return `${Number((value / size).toPrecision(4))}${name}`;
  return String(Number(value.toPrecision(4)));
};

const UNITS = [[86_400e6, "d"], [3600e6, "h"], [60e6, "min"], [1e6, "s"]] as const;

// What the x axis of a panel is counted in, so that its marks are round: steps, milliseconds, or what time fits.
export const unit = (panel: Panel): readonly [number, string] => {
  if (panel.x === "step") return [1, ""];
  if (panel.x === "time") return [1000, ""];
  return UNITS.find(([size]) => panel.end >= 2 * size) ?? [1e6, "s"];
};

// A place of the x axis, in words.
export const text = (panel: Panel, at: number): string => {
  if (panel.x === "step") return `step ${Math.round(at).toLocaleString("en-GB")}`;
  if (panel.x === "time") return `${new Date(at / 1000).toLocaleString("en-GB", { timeZone: "UTC", dateStyle: "medium", timeStyle: "medium" })} UTC`;
  const [size, name] = unit(panel);
  return `${short(at / size)} ${name} after the start`;
};

// The range of x that a panel shows.
export const range = (panel: Panel): string => {
  if (panel.x === "time") return `${text(panel, panel.start)} to ${text(panel, panel.end)}`;
  const [size, name] = unit(panel);
  return `${panel.x === "step" ? "steps " : ""}${short(panel.start / size)} to ${short(panel.end / size)} ${name}`.trim();
};
