// Curves of a run by ECharts in place of the server's SVG: as many numbers as there are pixels, values under the pointer, and
// zooming by dragging, which asks the server for that stretch (double click: all of it again). Only what can be seen is drawn.
import { LineChart as LineSeries } from "echarts/charts";
import { DataZoomComponent, GridComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { getInstanceByDom, init, use } from "echarts/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import type { CurveChart, CurveLine } from "./payload";
import { colours } from "./theme";
import type { Colours } from "./theme";

use([CanvasRenderer, DataZoomComponent, GridComponent, LineSeries, ToolboxComponent, TooltipComponent]);

const MICROS_PER_MS = 1000;
const FONT = "system-ui, sans-serif";
const PADDING = 0.06;
const MOST_MEASURED = 1e150; // as on the server: beyond it differences are infinite

type Answer = { charts: CurveChart[]; status: string };

const key = (figure: Element): string => figure.getAttribute("data-curve") ?? "";
const figures = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("figure[data-curve]")];
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const seen = new Set<Element>(); // figures in or near the window
const due = new Set<string>(); // metrics whose drawing is older than their points
const drawn = new WeakMap<Element, CurveChart>();
let asking = false;
let observer: IntersectionObserver | null = null;

// Begin, or begin again after figures were added: what comes into view is asked for.
export const follow = (): void => {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          seen.add(entry.target);
          if (!drawn.has(entry.target)) due.add(key(entry.target));
        } else seen.delete(entry.target);
      }
      void ask();
    },
    { rootMargin: "200px" },
  );
  for (const figure of figures()) observer.observe(figure);
};

// Metrics have new points.
export const moved = (keys: readonly string[]): void => {
  for (const one of keys) due.add(one);
  void ask();
};

export const recolour = (): void => {
  for (const figure of figures()) {
    const chart = drawn.get(figure);
    if (chart) draw(figure, chart);
  }
};

const everything = (): void => moved(figures().map(key));

const ask = async (): Promise<void> => {
  if (asking) return; // what came meanwhile is asked for when this answer is there
  const wanted = figures().filter((figure) => seen.has(figure) && due.has(key(figure)));
  const run = document.querySelector<HTMLElement>("#run")?.dataset["run"];
  if (!wanted.length || !run) return;
  asking = true;
  const keys = wanted.map(key);
  for (const one of keys) due.delete(one);
  try {
    const answer = await fetch(address(run, keys, wanted[0]?.querySelector(".plot")?.clientWidth ?? 400));
    if (answer.ok) {
      const found = new Map(((await answer.json()) as Answer).charts.map((chart) => [chart.key, chart]));
      for (const figure of wanted) {
        const chart = found.get(key(figure));
        if (chart) draw(figure, chart);
      }
    }
  } catch {
    // The server is away for a moment: what it drew stays, and the next movement asks again.
  } finally {
    asking = false;
  }
  if (figures().some((figure) => seen.has(figure) && due.has(key(figure)))) void ask();
};

const address = (run: string, keys: readonly string[], width: number): string => {
  const here = new URLSearchParams(location.search);
  const asked = new URLSearchParams(keys.map((one) => ["key", one]));
  for (const name of ["log", "from", "to", "of"]) if (here.get(name)) asked.set(name, here.get(name) ?? "");
  asked.set("x", document.querySelector<HTMLElement>("form[data-axis]")?.dataset["axis"] ?? "step");
  asked.set("width", String(Math.max(50, Math.round(width))));
  return `/api/runs/${encodeURIComponent(run)}/curves?${asked.toString()}`;
};

const draw = (figure: HTMLElement, chart: CurveChart): void => {
  const plot = figure.querySelector<HTMLElement>(".plot");
  if (!plot) return;
  drawn.set(figure, chart);
  const last = figure.querySelector(".last");
  if (last) last.textContent = chart.last === null ? "no number" : number(chart.last);
  if (!chart.lines.some((line) => line.values.some((value) => value !== null))) return;
  let place = plot.querySelector<HTMLElement>(".echart");
  if (!place) {
    place = document.createElement("div");
    place.className = "echart";
    place.setAttribute("aria-hidden", "true"); // the numbers are one link away
    for (const words of plot.querySelectorAll("p")) words.remove();
    plot.prepend(place);
  }
  const picture = getInstanceByDom(place) ?? begin(place, chart);
  picture.setOption(option(chart, colours()), { notMerge: true });
  picture.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  place.dataset["points"] = String(chart.points);
};

const begin = (place: HTMLElement, first: CurveChart): ECharts => {
  const picture = init(place);
  picture.on("datazoom", (event) => {
    const { startValue, endValue } = (event as { batch?: { startValue?: number; endValue?: number }[] }).batch?.[0] ?? {};
    if (startValue === undefined || endValue === undefined) return;
    stretch(String(bound(first.x, startValue, Math.floor)), String(bound(first.x, endValue, Math.ceil)));
  });
  picture.getZr().on("dblclick", () => stretch("", ""));
  const sizes = new ResizeObserver(() => {
    if (place.isConnected) picture.resize();
    else {
      sizes.disconnect();
      picture.dispose();
    }
  });
  sizes.observe(place);
  return picture;
};

const bound = (x: CurveChart["x"], value: number, round: (value: number) => number): number =>
  x === "time" ? round(value * MICROS_PER_MS) : x === "step" ? round(value) : Math.round(value * 1000) / 1000;

// The stretch stands in the address and in the form, for all charts of the page.
const stretch = (from: string, to: string): void => {
  const here = new URL(location.href);
  const axis = document.querySelector<HTMLElement>("form[data-axis]")?.dataset["axis"] ?? "step";
  for (const [name, value] of [["from", from], ["to", to], ["of", from || to ? axis : ""]] as const) {
    if (value) here.searchParams.set(name, value);
    else here.searchParams.delete(name);
    const field = document.querySelector<HTMLInputElement>(`form[data-axis] input[name=${name}]`);
    if (field) field.value = value;
  }
  history.replaceState(history.state, "", here);
  everything();
};

const option = (chart: CurveChart, palette: Colours): EChartsCoreOption => {
  const power = (value: number | null): number | null =>
    value === null || Math.abs(value) > MOST_MEASURED ? null : !chart.is_log ? value : value > 0 ? Math.log10(value) : null;
  const place = (x: number): number => (chart.x === "time" ? x / MICROS_PER_MS : x);
  const reach = extent(chart, power);
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: { left: 50, right: 10, top: 8, bottom: 24 },
    xAxis: {
      type: chart.x === "time" ? "time" : "value",
      ...(chart.start === null || chart.end === null ? {} : { min: place(chart.start), max: place(chart.end) }),
      axisLine: { show: true, onZero: false, lineStyle: { color: palette["strong-line"] } },
      axisTick: { show: false },
      splitLine: { show: false },
      splitNumber: 4,
      axisLabel: {
        color: palette.muted,
        fontSize: 11,
        hideOverlap: true,
        showMaxLabel: false,
        ...(chart.x === "time" ? {} : { formatter: (value: number) => (chart.x === "step" ? steps(value) : spoken(value)) }),
      },
    },
    yAxis: {
      type: "value",
      ...reach,
      splitNumber: 4,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: palette.muted, fontSize: 11, showMinLabel: false, showMaxLabel: false, formatter: (value: number) => number(chart.is_log ? 10 ** value : value) },
      splitLine: { lineStyle: { color: palette.line } },
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      axisPointer: { type: "line", lineStyle: { color: palette.muted } },
      backgroundColor: palette.panel,
      borderColor: palette["strong-line"],
      textStyle: { color: palette.text, fontSize: 12 },
      formatter: (found: unknown) => tooltip(chart, found),
    },
    toolbox: { show: true, itemSize: 0, feature: { dataZoom: { yAxisIndex: "none" } } },
    dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: false, moveOnMouseMove: false, moveOnMouseWheel: false }],
    series: chart.lines.flatMap((line, index) => lines(line, index, palette, place, power)).reverse(),
  };
};

const extent = (chart: CurveChart, power: (value: number | null) => number | null): { min?: number; max?: number } => {
  let [low, high] = [Infinity, -Infinity];
  for (const line of chart.lines)
    for (const column of [line.values, line.low, line.high])
      for (const value of column) {
        const at = power(value);
        if (at === null) continue;
        low = Math.min(low, at);
        high = Math.max(high, at);
      }
  if (low > high) return {};
  const room = (high - low) * PADDING || Math.max(Math.abs(high), 1) * PADDING;
  return { min: low - room, max: high + room };
};

const lines = (
  line: CurveLine,
  index: number,
  palette: Colours,
  place: (x: number) => number,
  power: (value: number | null) => number | null,
): object[] => {
  const colour = palette[`c${index % 8}` as keyof Colours];
  const points = (values: readonly (number | null)[]): (number | null)[][] => values.map((value, at) => [place(line.x[at] ?? 0), power(value)]);
  const main = {
    type: "line",
    name: line.name,
    showSymbol: line.x.length === 1,
    symbolSize: 5,
    data: points(line.values),
    color: colour,
    lineStyle: { color: colour, width: 1.6 },
  };
  if (!line.low.length) return [main];
  const quiet = { type: "line", symbol: "none", silent: true, tooltip: { show: false }, lineStyle: { opacity: 0 }, stack: line.run, stackStrategy: "all" };
  const [low, high] = [points(line.low), points(line.high)];
  const gap = high.map(([x, top], at) => {
    const bottom = low[at]?.[1];
    return [x ?? null, top == null || bottom == null ? null : top - bottom];
  });
  return [main, { ...quiet, name: "highest", areaStyle: { color: colour, opacity: 0.16 }, data: gap }, { ...quiet, name: "lowest", data: low }];
};

const tooltip = (chart: CurveChart, found: unknown): string => {
  const first = (found as { axisValue: number }[])[0];
  if (!first) return "";
  const at = chart.x === "time" ? first.axisValue * MICROS_PER_MS : first.axisValue;
  const rows = chart.lines.flatMap((line) => {
    const index = nearest(line.x, at);
    if (index < 0) return [];
    const [value, low, high] = [line.values[index], line.low[index], line.high[index]];
    const band = low != null && high != null && low !== high ? ` (${number(low)} to ${number(high)})` : "";
    return [`${chart.lines.length > 1 ? `${escaped(line.name)}: ` : ""}<b>${value == null ? "no number" : number(value)}</b>${band}`];
  });
  return [`<b>${escaped(chart.x === "time" ? moment(first.axisValue) : chart.x === "step" ? `step ${Math.round(at).toLocaleString("en")}` : spoken(at))}</b>`, ...rows].join("<br>");
};

const nearest = (x: readonly number[], at: number): number => {
  let [low, high] = [0, x.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - (x[low - 1] ?? 0) < (x[low] ?? 0) - at ? low - 1 : low;
};

const moment = (ms: number): string =>
  new Date(ms).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });

const number = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e6 ? value.toLocaleString("en") : String(Number(value.toPrecision(4))).replace("-", "−");

const steps = (value: number): string => {
  const size = Math.abs(value);
  if (size >= 1e9) return `${value / 1e9}G`;
  if (size >= 1e6) return `${value / 1e6}M`;
  return size >= 1e4 ? `${value / 1e3}k` : Number.isInteger(value) ? value.toLocaleString("en") : "";
};

const spoken = (seconds: number): string => {
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  return seconds < 7200 ? `${Number((seconds / 60).toPrecision(3))} min` : `${Number((seconds / 3600).toPrecision(3))} h`;
};
