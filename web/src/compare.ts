// Runs side by side: curves that ask the server for the range that is looked at, with one cursor over all of them; parallel
// coordinates that can be brushed; a scatter plot. Every change lands in the address; the page without scripts has it all.
import { CustomChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, ParallelComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { connect, getInstanceByDom, init, use } from "echarts/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import htmx from "htmx.org";

import { read } from "./comparison";
import type { Column, Compared, Curves, Line, Panel } from "./comparison";
import { formatted, instant, shades, short, smoothed, text, zigzag } from "./numbers";
import { palette } from "./theme";
import type { Palette } from "./theme";

use([CanvasRenderer, CustomChart, DataZoomComponent, GridComponent, LineChart, ParallelChart, ParallelComponent, ScatterChart, ToolboxComponent, TooltipComponent]);

const GROUP = "comparison";
const FONT = "system-ui, sans-serif";
const RAW_LINES = 20; // beyond, faint raw lines behind smoothed ones are fog
const NAMED = 10; // lines that a tooltip names
const SETTLE_MS = 250;

const panels = new Map<HTMLElement, Panel>();
let redrawn: ((root: ParentNode) => void) | undefined;

const address = (): URLSearchParams => new URLSearchParams(location.search);
const remember = (query: URLSearchParams): void => history.replaceState(null, "", `${location.pathname}?${query}`);
const escaped = (word: string): string => word.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const figures = (kind: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(`figure[data-chart=${kind}]`)];

// `again` is called with content that was put into the page.
export const compare = (root: ParentNode, again: (root: ParentNode) => void): void => {
  redrawn = again;
  const form = root.querySelector<HTMLFormElement>("form#view");
  if (!form) return;
  for (const figure of panels.keys()) if (!figure.isConnected) panels.delete(figure);
  listen(form);
  const colours = palette();
  const compared = read(document);
  if (compared) {
    figures("scatter").forEach((figure) => scatter(figure, compared, colours));
    figures("parallel").forEach((figure) => parallel(figure, compared, colours));
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      void ask(entry.target as HTMLElement);
    }
  }, { rootMargin: "200px" });
  for (const figure of figures("curves")) {
    const known = panels.get(figure);
    if (known) drawn(figure, known);
    else seen.observe(figure);
  }
};

const listen = (form: HTMLFormElement): void => {
  if (form.dataset["heard"]) return;
  form.dataset["heard"] = "1";
  const slider = form.querySelector<HTMLInputElement>("input[name=smooth]");
  slider?.addEventListener("input", () => {
    if (slider.nextElementSibling) slider.nextElementSibling.textContent = Number(slider.value).toFixed(2);
    for (const [figure, panel] of panels) drawn(figure, panel);
  });
  form.closest("#live")?.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement;
    if (field.form !== form || field.name === "metric") return; // several metrics are chosen before they are applied
    if (field.name === "smooth") remember(with_(address(), "smooth", field.value === "0" ? [] : [field.value]));
    else if (!field.matches("form.filters select")) form.requestSubmit(); // those are sent by page.js
  });
  form.addEventListener("submit", (event) => {
    const button = event.submitter as HTMLButtonElement | null;
    if (button?.hasAttribute("formaction")) return;
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form, button)) if (value !== "") query.append(name, String(value));
    const span = address().get("span");
    if (span) query.set("span", span); // one of another axis says nothing
    for (const name of ["span", "brush"]) if (button?.name === name && button.value === "none") query.delete(name);
    void show(`/compare?${query}`);
  });
  for (const row of document.querySelectorAll<HTMLElement>("tr[data-run]")) {
    row.addEventListener("pointerenter", () => light(row.dataset["run"] ?? "", true));
    row.addEventListener("pointerleave", () => light(row.dataset["run"] ?? "", false));
    row.addEventListener("focusin", () => light(row.dataset["run"] ?? "", true));
    row.addEventListener("focusout", () => light(row.dataset["run"] ?? "", false));
  }
};

addEventListener("popstate", () => {
  if (document.querySelector("form#view")) void show(location.href, false);
});

// The page of another address, in place: nothing scrolls, and what had the focus keeps it.
const show = async (url: string, isNew = true): Promise<void> => {
  const answer = await fetch(url);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
  const live = document.querySelector("#live");
  if (!answer.ok || !fresh || !live) return location.assign(url);
  const active = document.activeElement as HTMLInputElement | null;
  const open = [...live.querySelectorAll("details")].map((found) => found.open);
  live.replaceWith(fresh);
  if (isNew) history.pushState(null, "", url);
  const found = [...fresh.querySelectorAll("details")];
  if (found.length === open.length) found.forEach((one, index) => (one.open = open[index] === true));
  if (active?.name) fresh.querySelector<HTMLElement>(`[name="${active.name}"]${active.type === "checkbox" ? `[value="${CSS.escape(active.value)}"]` : ""}`)?.focus({ preventScroll: true });
  htmx.process(fresh);
  redrawn?.(document);
};

const with_ = (query: URLSearchParams, name: string, values: string[]): URLSearchParams => {
  query.delete(name);
  for (const value of values) query.append(name, value);
  return query;
};

const chart = (figure: HTMLElement): ECharts => {
  const plot = figure.querySelector<HTMLElement>(".plot")!;
  let place = plot.querySelector<HTMLElement>(".echart");
  if (!place) {
    place = document.createElement("div");
    place.className = "echart";
    place.setAttribute("aria-hidden", "true"); // the table behind the chart says the same in words
    plot.prepend(place);
    plot.querySelector(".compared")?.setAttribute("hidden", "");
  }
  const known = getInstanceByDom(place);
  if (known) return known;
  const made = init(place);
  const spot = place;
  const sizes = new ResizeObserver(() => {
    if (spot.isConnected) return made.resize();
    sizes.disconnect();
    made.dispose();
  });
  sizes.observe(spot);
  return made;
};

const ask = async (figure: HTMLElement): Promise<void> => {
  const metric = figure.dataset["metric"] ?? "";
  const query = with_(with_(address(), "metric", [metric]), "smooth", []);
  for (const name of ["brush", "across", "up", "colour", "left", "right", "first", "all"]) query.delete(name);
  query.set("width", String(Math.min(Math.round(figure.clientWidth || 400), 600)));
  figure.querySelector(".plot")?.classList.add("waits");
  const answer = await fetch(`/api/compare/curves?${query}`);
  figure.querySelector(".plot")?.classList.remove("waits");
  if (!answer.ok || !figure.isConnected) return;
  const panel = ((await answer.json()) as Curves).panels.find((found) => found.metric === metric);
  if (!panel) return;
  panels.set(figure, panel);
  drawn(figure, panel);
};

const drawn = (figure: HTMLElement, panel: Panel): void => {
  const made = chart(figure);
  if (made.group !== GROUP) {
    made.group = GROUP;
    connect(GROUP);
    made.getZr().on("dblclick", () => look([]));
    made.on("datazoom", () => zoomed(made));
    made.on("mouseover", (event) => mark(String(event.seriesId ?? ""), true));
    made.on("mouseout", (event) => mark(String(event.seriesId ?? ""), false));
  }
  const weight = Number(document.querySelector<HTMLInputElement>("form#view input[name=smooth]")?.value ?? 0);
  made.setOption(curves(panel, weight, palette()), { notMerge: true });
  made.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  const label = figure.querySelector("[data-range]");
  if (label) label.textContent = address().get("span") ? `${text(panel, panel.start)} to ${text(panel, panel.end)} · double click for all` : "";
};

let settling = 0;

const zoomed = (made: ECharts): void => {
  clearTimeout(settling);
  settling = window.setTimeout(() => {
    const zoom = (made.getOption() as { dataZoom: { startValue: number; endValue: number; start: number; end: number }[] }).dataZoom[0];
    if (!zoom || (zoom.start <= 0 && zoom.end >= 100)) return;
    look([`${address().get("x") ?? "step"}:${Math.floor(zoom.startValue)}..${Math.ceil(zoom.endValue)}`]);
  }, SETTLE_MS);
};

const look = (span: string[]): void => {
  if (!span.length && !address().get("span")) return;
  remember(with_(address(), "span", span));
  panels.forEach((_, figure) => void ask(figure));
};

const curves = (panel: Panel, weight: number, colours: Palette): EChartsCoreOption => ({
  animation: false,
  textStyle: { fontFamily: FONT },
  grid: { left: 52, right: 12, top: 10, bottom: 26 },
  xAxis: {
    type: panel.is_x_log ? "log" : "value",
    min: panel.start,
    max: panel.end > panel.start ? panel.end : panel.start + 1,
    axisLine: { lineStyle: { color: colours["strong-line"] } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, fontSize: 11, hideOverlap: true, showMinLabel: panel.x === "step" && Number.isInteger(panel.start), showMaxLabel: false, formatter: (at: number) => instant(panel, at) },
    splitLine: { show: false },
    axisPointer: { label: { show: false } },
  },
  yAxis: {
    type: panel.is_y_log ? "log" : "value",
    scale: true,
    axisLabel: { color: colours.muted, fontSize: 11, formatter: short },
    splitLine: { lineStyle: { color: colours.line } },
  },
  tooltip: {
    trigger: "axis",
    axisPointer: { type: "line", animation: false, lineStyle: { color: colours.muted } },
    backgroundColor: colours.panel,
    borderColor: colours["strong-line"],
    textStyle: { color: colours.text, fontSize: 12 },
    confine: true,
    formatter: (found: unknown) => tooltip(panel, weight, colours, found),
  },
  toolbox: { show: true, itemSize: 0, feature: { dataZoom: { yAxisIndex: "none" } } },
  dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: false, moveOnMouseMove: false, moveOnMouseWheel: false }],
  series: panel.lines.flatMap((line) => series(panel, line, weight, colours)),
});

const series = (panel: Panel, line: Line, weight: number, colours: Palette): object[] => {
  const isOne = line.hue > 0;
  const colour = colours.hues[line.hue] ?? colours.muted;
  const positive = (value: number | null): number | null => (value !== null && panel.is_y_log && value <= 0 ? null : value);
  const straight = (values: readonly (number | null)[]): (number | null)[][] => line.x.map((x, index) => [x, positive(values[index] ?? null)]);
  const raw = panel.is_grouped ? straight(line.mean) : zigzag(line).map(([x, value]) => [x, positive(value)]);
  const base = { type: "line", symbol: "none", showSymbol: raw.length < 2, color: colour, animation: false, z: isOne ? 3 : 2, emphasis: { lineStyle: { width: 2.6, opacity: 1 } } };
  const style = { color: colour, width: isOne ? 1.7 : 1, opacity: isOne ? 1 : 0.35 };
  const made: object[] = [];
  if (panel.is_grouped && line.low.length) made.push(band(line, colour, positive));
  if (!weight) return [...made, { ...base, id: line.key, name: line.label, data: raw, lineStyle: style, symbol: raw.length < 2 ? "circle" : "none" }];
  if (isOne || panel.lines.length <= RAW_LINES)
    made.push({ ...base, id: `raw ${line.key}`, data: raw, silent: true, tooltip: { show: false }, lineStyle: { color: colour, width: 1, opacity: 0.25 }, emphasis: { disabled: true } });
  return [...made, { ...base, id: line.key, name: line.label, data: straight(smoothed(line.mean, weight)), lineStyle: style }];
};

const band = (line: Line, colour: string, positive: (value: number | null) => number | null): object => ({
  type: "custom",
  id: `band ${line.key}`,
  silent: true,
  z: 1,
  tooltip: { show: false },
  encode: { x: 0, y: [1, 2] },
  clip: true,
  data: [[line.x[0], line.low.find((low) => low !== null) ?? 0, line.high.find((high) => high !== null) ?? 0]],
  renderItem: (_: unknown, api: { coord: (point: number[]) => number[] }) => {
    const known = line.x.flatMap((x, index) => {
      const [low, high] = [positive(line.low[index] ?? null), positive(line.high[index] ?? null)];
      return low === null || high === null ? [] : [{ x, low, high }];
    });
    const points = [...known.map((one) => api.coord([one.x, one.high])), ...known.reverse().map((one) => api.coord([one.x, one.low]))];
    return { type: "polygon", shape: { points }, style: { fill: colour, opacity: 0.16 } };
  },
});

const tooltip = (panel: Panel, weight: number, colours: Palette, found: unknown): string => {
  const at = (found as { axisValue: number }[])[0]?.axisValue;
  if (at === undefined) return "";
  const loud = panel.lines.filter((line) => line.hue > 0).reverse();
  const rows = [...loud, ...panel.lines.filter((line) => line.hue === 0)].slice(0, NAMED).flatMap((line) => {
    const index = nearest(line.x, at);
    const value = (weight ? smoothed(line.mean, weight) : line.mean)[index];
    if (value == null) return [];
    const [low, high] = [line.low[index], line.high[index]];
    const range = low != null && high != null && low !== high ? ` (${formatted(low)} to ${formatted(high)})` : "";
    return [`<span style="color:${colours.hues[line.hue] ?? colours.muted}">▬</span> ${escaped(line.label)}: <b>${formatted(value)}</b>${range}`];
  });
  const more = panel.lines.length > NAMED ? [`and ${panel.lines.length - NAMED} more`] : [];
  return [`<b>${escaped(text(panel, at))}</b>`, ...rows, ...more].join("<br>");
};

const nearest = (places: readonly number[], at: number): number => {
  let [low, high] = [0, places.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((places[middle] ?? 0) < at) low = middle;
    else high = middle;
  }
  return Math.abs((places[low] ?? 0) - at) <= Math.abs((places[high] ?? 0) - at) ? low : high;
};

// A run that is pointed at in the table stands out in every chart, and the other way round.
const light = (run: string, isOn: boolean): void => {
  for (const figure of panels.keys()) chart(figure).dispatchAction({ type: isOn ? "highlight" : "downplay", seriesId: run });
};

const mark = (run: string, isOn: boolean): void => {
  document.querySelector(`tr[data-run="${CSS.escape(run)}"]`)?.classList.toggle("lit", isOn);
};

const axisOf = (column: Column, colours: Palette): object => ({
  name: column.name,
  type: column.words.length ? "category" : column.is_log ? "log" : "value",
  ...(column.words.length ? { data: column.words } : { scale: true }),
  nameTextStyle: { color: colours.text, fontWeight: 600, fontSize: 12 },
  axisLine: { lineStyle: { color: colours["strong-line"] } },
  z: 10,
  axisLabel: { color: colours.muted, fontSize: 11, textBorderColor: colours.panel, textBorderWidth: 3, ...(column.words.length ? {} : { formatter: short }) },
});

const scatter = (figure: HTMLElement, compared: Compared, colours: Palette): void => {
  const find = (key: string): Column | undefined => compared.columns.find((column) => column.key === key);
  const [across, up, colour] = [find(compared.across), find(compared.up), find(compared.colour)];
  if (!across || !up) return;
  const shade = colour ? shades(colour.values) : up.values.map(() => 3);
  const point = (column: Column, value: number | null): string => (value === null ? "–" : (column.words[value] ?? formatted(value)));
  const data = compared.dots.flatMap((dot) => {
    const [x, y] = [across.values[dot.place] ?? null, up.values[dot.place] ?? null];
    if (x === null || y === null) return [];
    const fill = colours.shades[shade[dot.place] ?? 0];
    const ring = dot.is_best ? { color: colours.panel, borderColor: colours.hues[2], borderWidth: 2.6 } : { color: fill };
    return [{ value: [x, y], place: dot.place, name: dot.name, itemStyle: { ...ring, opacity: dot.is_within ? 0.85 : 0.12 } }];
  });
  const made = chart(figure);
  made.setOption(
    {
      animation: false,
      textStyle: { fontFamily: FONT },
      grid: { left: 56, right: 16, top: 16, bottom: 40 },
      xAxis: { ...axisOf(across, colours), nameLocation: "middle", nameGap: 26, splitLine: { show: false } },
      yAxis: { ...axisOf(up, colours), name: "", splitLine: { lineStyle: { color: colours.line } } },
      tooltip: {
        backgroundColor: colours.panel,
        borderColor: colours["strong-line"],
        textStyle: { color: colours.text, fontSize: 12 },
        confine: true,
        formatter: (found: { data: { name: string; place: number; value: number[] } }) =>
          [across, up, ...(colour ? [colour] : [])].reduce((told, column) => `${told}<br>${escaped(column.name)}: <b>${escaped(point(column, column.values[found.data.place] ?? null))}</b>`, `<b>${escaped(found.data.name)}</b>`),
      },
      series: [{ type: "scatter", symbolSize: 11, data }],
    },
    { notMerge: true },
  );
  made.off("mouseover");
  made.off("mouseout");
  const run = (event: unknown): string => compared.runs[(event as { data: { place: number } }).data.place] ?? "";
  made.on("mouseover", (event) => (light(run(event), true), mark(run(event), true)));
  made.on("mouseout", (event) => (light(run(event), false), mark(run(event), false)));
};

const parallel = (figure: HTMLElement, compared: Compared, colours: Palette): void => {
  const columns = compared.settings.flatMap((key) => compared.columns.filter((column) => column.key === key));
  const last = columns.at(-1);
  if (columns.length < 2 || !last) return;
  const shade = shades(last.values);
  const data = compared.dots.map((dot) => ({
    value: columns.map((column) => column.values[dot.place] ?? "-"),
    name: dot.name,
    lineStyle: dot.is_best ? { color: colours.hues[2], width: 2.6, opacity: 1 } : { color: colours.shades[shade[dot.place] ?? 0], width: 1.2, opacity: 0.75 },
  }));
  const made = chart(figure);
  made.setOption(
    {
      animation: false,
      textStyle: { fontFamily: FONT },
      parallel: { left: 60, right: 80, top: 40, bottom: 20, axisExpandable: false },
      parallelAxis: columns.map((column, dim) => ({
        dim,
        ...axisOf(column, colours),
        areaSelectStyle: { width: 18, color: colours.accent, opacity: 0.25, borderColor: colours.accent },
      })),
      tooltip: { show: false },
      series: [{ type: "parallel", inactiveOpacity: 0.06, activeOpacity: 0.9, data }],
    },
    { notMerge: true },
  );
  for (const brush of compared.brush) {
    const dim = columns.findIndex((column) => column.key === brush.axis);
    if (dim >= 0) made.dispatchAction({ type: "axisAreaSelect", parallelAxisIndex: dim, intervals: [[brush.low, brush.high]] });
  }
  made.off("axisareaselected");
  made.on("axisareaselected", () => {
    clearTimeout(settling);
    settling = window.setTimeout(() => brushed(made, columns), SETTLE_MS);
  });
};

interface BrushedAxis {
  readonly activeIntervals: number[][];
}

const brushed = (made: ECharts, columns: readonly Column[]): void => {
  const model = (made as unknown as { getModel: () => { getComponent: (name: string, index: number) => BrushedAxis | undefined } }).getModel();
  const ranges = columns.flatMap((column, index) =>
    (model.getComponent("parallelAxis", index)?.activeIntervals ?? []).slice(0, 1).map(([low, high]) => `${column.key}:${low}..${high}`),
  );
  const query = with_(address(), "brush", ranges);
  if (String(query) !== String(address())) void show(`/compare?${query}`);
};
