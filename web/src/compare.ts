// Runs side by side: curves that ask the server for the range that is looked at, with one cursor over all of them; parallel
// coordinates that can be brushed; a scatter plot. Every change lands in the address; the page without scripts has it all.
import { CustomChart, LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { use } from "echarts/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import htmx from "htmx.org";

import { address, curvesOf, figures, remember, with_ } from "./asking";
import { read } from "./comparison";
import type { Curves, Line, Panel } from "./comparison";
import { formatted, range, short, smoothed, text, unit, zigzag } from "./numbers";
import { chart, escaped, FONT, SETTLE_MS } from "./place";
import { parallel, scatter } from "./plots";
import { palette } from "./theme";
import type { Palette } from "./theme";

use([CanvasRenderer, CustomChart, DataZoomComponent, GridComponent, LineChart, ToolboxComponent, TooltipComponent]);

const RAW_LINES = 20; // beyond, faint raw lines behind smoothed ones are fog
const NAMED = 8; // lines that a tooltip names; of more it names those that stand out

const panels = new Map<HTMLElement, Panel>();
let redrawn: ((root: ParentNode) => void) | undefined;


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
    const pointed = (run: string, isOn: boolean): void => {
      light(run, isOn);
      mark(run, isOn);
    };
    const brushed = (ranges: string[]): void => {
      const query = with_(address(), "brush", ranges);
      if (String(query) !== String(address())) void show(`/compare?${query}`);
    };
    figures("scatter").forEach((figure) => scatter(figure, compared, colours, pointed));
    figures("parallel").forEach((figure) => parallel(figure, compared, colours, brushed));
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
    else if (field.type === "number") {
      if (["from", "to"].every((name) => form.querySelector<HTMLInputElement>(`[name=${name}]`)?.value)) form.requestSubmit();
    } else if (!field.matches("form.filters select")) form.requestSubmit(); // those are sent by page.js
  });
  form.addEventListener("submit", (event) => {
    const button = event.submitter as HTMLButtonElement | null;
    if (button?.hasAttribute("formaction")) return;
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form, button)) if (value !== "") query.append(name, String(value));
    const [typed, span] = [["from", "to"].map((name) => query.get(name)), address().get("span")];
    for (const name of ["from", "to"]) query.delete(name);
    if (typed[0] && typed[1]) query.set("span", `step:${typed[0]}..${typed[1]}`);
    else if (span && query.get("x") !== "step") query.set("span", span); // one of another axis says nothing
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

let showing = "";

// The page of another address, in place: nothing scrolls, and what had the focus keeps it.
const show = async (url: string, isNew = true): Promise<void> => {
  if (url === showing) return; // Enter in a field is both a change and a submission
  showing = url;
  const answer = await fetch(url).finally(() => (showing = ""));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
  const live = document.querySelector("#live");
  if (!answer.ok || !fresh || !live) return location.assign(url);
  const active = document.activeElement as HTMLInputElement | null;
  const details = (root: ParentNode): HTMLDetailsElement[] => [...root.querySelectorAll<HTMLDetailsElement>("details:not(.menu)")];
  const open = details(live).map((found) => found.open);
  live.replaceWith(fresh);
  if (isNew) history.pushState(null, "", url);
  const found = details(fresh);
  if (found.length === open.length) found.forEach((one, index) => (one.open = open[index] === true));
  if (active?.name) fresh.querySelector<HTMLElement>(`[name="${active.name}"]${active.type === "checkbox" ? `[value="${CSS.escape(active.value)}"]` : ""}`)?.focus({ preventScroll: true });
  htmx.process(fresh);
  redrawn?.(document);
};

const ask = async (figure: HTMLElement): Promise<void> => {
  const metric = figure.dataset["metric"] ?? "";
  figure.querySelector(".plot")?.classList.add("waits");
  const answer = await curvesOf(figure);
  figure.querySelector(".plot")?.classList.remove("waits");
  if (!answer.ok || !figure.isConnected) return;
  const panel = ((await answer.json()) as Curves).panels.find((found) => found.metric === metric);
  if (!panel) return;
  panels.set(figure, panel);
  drawn(figure, panel);
};

const drawn = (figure: HTMLElement, panel: Panel): void => {
  const made = chart(figure);
  if (!linked.has(made)) {
    linked.add(made);
    made.getZr().on("mousemove", () => {
      leader = made;
    });
    made.getZr().on("globalout", () => others(made).forEach(leave));
    made.on("updateAxisPointer", (event) => follow(made, event));
    made.getZr().on("dblclick", () => look([]));
    made.on("datazoom", () => zoomed(made, panels.get(figure) ?? panel));
    made.on("mouseover", (event) => mark(String(event.seriesId ?? ""), true));
    made.on("mouseout", (event) => mark(String(event.seriesId ?? ""), false));
  }
  const weight = Number(document.querySelector<HTMLInputElement>("form#view input[name=smooth]")?.value ?? 0);
  made.setOption(curves(panel, weight, palette()), { notMerge: true });
  made.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  const label = figure.querySelector("[data-range]");
  if (label) label.textContent = address().get("span") ? `${range(panel)} · double click for all` : "drag to look closer";
};

// One cursor over all curves, by the place on the x axis: their points are not the same, so ECharts cannot connect them by number.
const linked = new WeakSet<ECharts>();
let leader: ECharts | undefined;

const others = (made: ECharts): ECharts[] => [...panels.keys()].map(chart).filter((other) => other !== made);

const leave = (made: ECharts): void => {
  made.dispatchAction({ type: "hideTip" });
  made.dispatchAction({ type: "updateAxisPointer", currTrigger: "leave" });
};

const follow = (made: ECharts, event: unknown): void => {
  const place = (event as { axesInfo?: { value: number }[] }).axesInfo?.[0]?.value;
  if (made !== leader || place === undefined) return;
  for (const other of others(made)) {
    const x = other.convertToPixel({ xAxisIndex: 0 }, place);
    other.dispatchAction({ type: "showTip", x, y: other.getHeight() / 2 });
  }
};

let settling = 0;

const zoomed = (made: ECharts, panel: Panel): void => {
  clearTimeout(settling);
  settling = window.setTimeout(() => {
    if (made.isDisposed()) return;
    const zoom = (made.getOption() as { dataZoom: { startValue: number; endValue: number; start: number; end: number }[] }).dataZoom[0];
    if (!zoom || (zoom.start <= 0 && zoom.end >= 100)) return;
    const [size] = unit(panel);
    look([`${panel.x}:${Math.floor(zoom.startValue * size)}..${Math.ceil(zoom.endValue * size)}`]);
  }, SETTLE_MS);
};

const look = (span: string[]): void => {
  if (!span.length && !address().get("span")) return;
  remember(with_(address(), "span", span));
  const ends = /^step:(.*)\.\.(.*)$/.exec(span[0] ?? "");
  ["from", "to"].forEach((name, index) => {
    const field = document.querySelector<HTMLInputElement>(`form#view [name=${name}]`);
    if (field) field.value = ends?.[index + 1] ?? "";
  });
  panels.forEach((_, figure) => void ask(figure));
};

const curves = (panel: Panel, weight: number, colours: Palette): EChartsCoreOption => ({
  animation: false,
  textStyle: { fontFamily: FONT },
  grid: { left: 52, right: 12, top: 10, bottom: 26 },
  xAxis: {
    type: panel.x === "time" ? "time" : panel.is_x_log ? "log" : "value",
    min: panel.start / unit(panel)[0],
    max: (panel.end > panel.start ? panel.end : panel.start + 1) / unit(panel)[0],
    axisLine: { lineStyle: { color: colours["strong-line"] } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, fontSize: 11, hideOverlap: true, showMinLabel: panel.x === "step" && Number.isInteger(panel.start), showMaxLabel: false, ...(panel.x === "time" ? {} : { formatter: (at: number) => `${short(at)} ${unit(panel)[1]}` }) },
    splitLine: { show: false },
    axisPointer: { label: { show: false }, triggerEmphasis: false },
  },
  yAxis: {
    type: panel.is_y_log ? "log" : "value",
    scale: true,
    axisLabel: { color: colours.muted, fontSize: 11, formatter: short },
    splitLine: { lineStyle: { color: colours.line } },
  },
  tooltip: {
    trigger: "axis",
    axisPointer: { type: "line", animation: false, triggerEmphasis: false, lineStyle: { color: colours.muted } },
    backgroundColor: colours.panel,
    borderColor: colours["strong-line"],
    textStyle: { color: colours.text, fontSize: 12 },
    confine: true,
    formatter: (found: unknown) => tooltip(panel, weight, found),
  },
  toolbox: { show: true, itemSize: 0, feature: { dataZoom: { yAxisIndex: "none" } } },
  dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: false, moveOnMouseMove: false, moveOnMouseWheel: false }],
  series: panel.lines.flatMap((line) => series(panel, line, weight, colours)),
});

const series = (panel: Panel, line: Line, weight: number, colours: Palette): object[] => {
  const isOne = line.hue > 0;
  const colour = colours.hues[line.hue] ?? colours.muted;
  const positive = (value: number | null): number | null => (value !== null && panel.is_y_log && value <= 0 ? null : value);
  const [size] = unit(panel);
  const straight = (values: readonly (number | null)[]): (number | null)[][] => line.x.map((x, index) => [x / size, positive(values[index] ?? null)]);
  const raw = panel.is_grouped ? straight(line.mean) : zigzag(line).map(([x, value]) => [x / size, positive(value)]);
  const base = { type: "line", symbol: "none", showSymbol: raw.length < 2, color: colour, animation: false, triggerLineEvent: true, z: isOne ? 3 : 2, emphasis: { lineStyle: { width: 2.6, opacity: 1 } } };
  const style = { color: colour, width: isOne ? 1.7 : 1, opacity: isOne ? 1 : 0.35 };
  const made: object[] = [];
  if (panel.is_grouped && line.low.length) made.push(band(line, colour, size, positive));
  if (!weight) return [...made, { ...base, id: line.key, name: line.label, data: raw, lineStyle: style, symbol: raw.length < 2 ? "circle" : "none" }];
  if (isOne || panel.lines.length <= RAW_LINES)
    made.push({ ...base, id: `raw ${line.key}`, data: raw, silent: true, tooltip: { show: false }, lineStyle: { color: colour, width: 1, opacity: 0.25 }, emphasis: { disabled: true } });
  return [...made, { ...base, id: line.key, name: line.label, data: straight(smoothed(line.mean, weight)), lineStyle: style }];
};

const band = (line: Line, colour: string, size: number, positive: (value: number | null) => number | null): object => ({
  type: "custom",
  id: `band ${line.key}`,
  silent: true,
  z: 1,
  tooltip: { show: false },
  encode: { x: 0, y: [1, 2] },
  clip: true,
  data: [[(line.x[0] ?? 0) / size, line.low.find((low) => low !== null) ?? 0, line.high.find((high) => high !== null) ?? 0]],
  renderItem: (_: unknown, api: { coord: (point: number[]) => number[] }) => {
    const known = line.x.flatMap((x, index) => {
      const [low, high] = [positive(line.low[index] ?? null), positive(line.high[index] ?? null)];
      return low === null || high === null ? [] : [{ x: x / size, low, high }];
    });
    const points = [...known.map((one) => api.coord([one.x, one.high])), ...known.reverse().map((one) => api.coord([one.x, one.low]))];
    return { type: "polygon", shape: { points }, style: { fill: colour, opacity: 0.16 } };
  },
});

const tooltip = (panel: Panel, weight: number, found: unknown): string => {
  const place = (found as { axisValue: number }[])[0]?.axisValue;
  if (place === undefined) return "";
  const at = place * unit(panel)[0];
  const value = (line: Line): number | null => (weight ? smoothed(line.mean, weight) : line.mean)[nearest(line.x, at)] ?? null;
  const isFew = panel.lines.length <= NAMED;
  const named = [...panel.lines].reverse().filter((line) => isFew || line.hue > 0);
  const rows = named.flatMap((line) => {
    const [found, index] = [value(line), nearest(line.x, at)];
    if (found === null) return [];
    const [low, high] = [line.low[index], line.high[index]];
    const reach = low != null && high != null && low !== high ? ` (${formatted(low)} to ${formatted(high)})` : "";
    return [`<i class="dash hue${line.hue}"></i>${escaped(line.label)}: <b>${formatted(found)}</b>${reach}`];
  });
  const others = panel.lines.filter((line) => !named.includes(line)).flatMap((line) => value(line) ?? []);
  const rest = others.length ? [`<i class="dash hue0"></i>${others.length} more: ${formatted(Math.min(...others))} to ${formatted(Math.max(...others))}`] : [];
  return [`<b>${escaped(text(panel, at))}</b>`, ...rows, ...rest].join("<br>");
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
