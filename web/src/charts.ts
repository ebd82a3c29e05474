// Line charts by ECharts in place of the server's SVG: values under a cursor that all charts of the page share, and
// zooming by dragging over a stretch of time (double click: all of it again). The table behind each chart stays.
import { LineChart as LineSeries } from "echarts/charts";
import { DataZoomComponent, GridComponent, MarkAreaComponent, MarkLineComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { connect, getInstanceByDom, init, use } from "echarts/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { read } from "./payload";
import type { LineChart, Series } from "./payload";
import { colours } from "./theme";
import type { Colours } from "./theme";

use([CanvasRenderer, DataZoomComponent, GridComponent, LineSeries, MarkAreaComponent, MarkLineComponent, ToolboxComponent, TooltipComponent]);

const GROUP = "page";
const NARROW_PX = 600;
const PADDING = 0.06;
const FONT = "system-ui, sans-serif";

const ms = (us: number): number => us / 1000;
const day = (at: number): string =>
  new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

export const enhance = (root: ParentNode): void => {
  const palette = colours();
  for (const figure of root.querySelectorAll("figure[data-chart=line]")) {
    const chart = read(figure);
    const plot = figure.querySelector<HTMLElement>(".plot");
    if (chart && plot) draw(plot, chart, palette);
  }
  connect(GROUP);
};

const draw = (plot: HTMLElement, chart: LineChart, palette: Colours): void => {
  let place = plot.querySelector<HTMLElement>(".echart");
  if (!place) {
    place = document.createElement("div");
    place.className = "echart";
    place.setAttribute("aria-hidden", "true"); // the table behind the chart says the same in words
    plot.prepend(place);
  }
  const drawn = getInstanceByDom(place) ?? begin(place);
  drawn.setOption(option(chart, palette, place.clientWidth < NARROW_PX), { notMerge: true });
  drawn.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
};

const begin = (place: HTMLElement): ECharts => {
  const drawn = init(place);
  drawn.group = GROUP;
  drawn.getZr().on("dblclick", () => drawn.dispatchAction({ type: "dataZoom", start: 0, end: 100 }));
  const sizes = new ResizeObserver(() => {
    if (place.isConnected) drawn.resize();
    else {
      sizes.disconnect();
      drawn.dispose();
    }
  });
  sizes.observe(place);
  return drawn;
};

const option = (chart: LineChart, palette: Colours, isNarrow: boolean): EChartsCoreOption => ({
  animation: false,
  textStyle: { fontFamily: FONT },
  // The margins are those of the server's pictures, so that the time axes of a page line up.
  grid: isNarrow ? { left: 38, right: 8, top: 20, bottom: 26 } : { left: "7.1%", right: "11.9%", top: 20, bottom: 26 },
  xAxis: {
    type: "time",
    min: ms(chart.start),
    max: ms(chart.end),
    axisLine: { lineStyle: { color: palette["strong-line"] } },
    axisTick: { show: false },
    axisLabel: { color: palette.muted, fontSize: 11, hideOverlap: true, formatter: { year: "{MMM} {yyyy}", month: "{MMM}", day: "{d} {MMM}", hour: "{HH}:{mm}" } },
    splitLine: { show: false },
  },
  yAxis: {
    type: "value",
    axisLabel: { color: palette.muted, fontSize: 11, showMinLabel: false, showMaxLabel: false },
    splitLine: { lineStyle: { color: palette.line } },
    ...reach(chart),
  },
  tooltip: {
    trigger: "axis",
    axisPointer: { type: "line", lineStyle: { color: palette.muted } },
    backgroundColor: palette.panel,
    borderColor: palette["strong-line"],
    textStyle: { color: palette.text, fontSize: 12 },
    formatter: (found: unknown) => tooltip(chart, found),
  },
  toolbox: { show: true, itemSize: 0, feature: { dataZoom: { yAxisIndex: "none" } } },
  dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: false, moveOnMouseMove: false, moveOnMouseWheel: false }],
  series: [...chart.series].reverse().flatMap((series, index, all) => lines(chart, series, palette, isNarrow, index === all.length - 1)),
});

// All values, bands and the setpoint, with as much room around them as in the server's picture.
const reach = (chart: LineChart): { min: number; max: number } => {
  const known = chart.series.flatMap((series) => [...series.values, ...series.low, ...series.high]).filter((value) => value !== null);
  if (chart.limit) known.push(chart.limit.value);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low) * PADDING || PADDING;
  return { min: low - room, max: high + room };
};

const lines = (chart: LineChart, series: Series, palette: Colours, isNarrow: boolean, isFirst: boolean): object[] => {
  const colour = palette[series.role];
  const points = (values: readonly (number | null)[]): (number | null)[][] => values.map((value, index) => [ms(chart.at[index] ?? 0), value]);
  const quiet = { type: "line", symbol: "none", silent: true, tooltip: { show: false }, lineStyle: { opacity: 0 } };
  const band = series.low.length
    ? [
        { ...quiet, name: `${series.name} low`, stack: series.name, stackStrategy: "all", data: points(series.low) },
        {
          ...quiet,
          name: `${series.name} band`,
          stack: series.name,
          stackStrategy: "all",
          areaStyle: { color: colour, opacity: 0.14 },
          data: points(series.high.map((high, index) => between(series.low[index], high))),
        },
      ]
    : [];
  const line = {
    type: "line",
    name: series.name,
    symbol: "none",
    data: points(series.values),
    color: colour,
    lineStyle: { color: colour, width: series.role === "static" ? 1.6 : 2, type: series.role === "static" ? [5, 4] : "solid" },
    endLabel: {
      show: !isNarrow,
      color: colour,
      fontSize: 12,
      fontWeight: 600,
      formatter: (point: { value: [number, number] }) => `${series.role === "static" ? "first model" : series.role} ${point.value[1].toFixed(chart.decimals)}`,
    },
    ...(isFirst ? marks(chart, palette) : {}),
  };
  return [...band, line];
};

const between = (low: number | null | undefined, high: number | null): number | null => (low == null || high == null ? null : high - low);

const marks = (chart: LineChart, palette: Colours): object => {
  const { min, max } = reach(chart);
  const deployments = chart.marks.map((mark) => [
    { coord: [ms(mark.at), min], symbol: "none", lineStyle: { color: palette.champion, opacity: 0.45, type: [1, 3], width: 1 }, label: { show: false } },
    { coord: [ms(mark.at), max], symbol: "diamond", symbolSize: 9, itemStyle: { color: palette.champion } },
  ]);
  const line = { silent: true, symbol: "none", itemStyle: { color: palette.champion } };
  if (!chart.limit) return { markLine: { ...line, data: deployments } };
  const { value, direction } = chart.limit;
  const setpoint = {
    yAxis: value,
    lineStyle: { color: palette.breach, type: [2, 3], width: 1.4 },
    label: {
      position: direction === "at_most" ? "insideStartTop" : "insideStartBottom",
      color: palette.breach,
      fontSize: 11,
      fontWeight: 600,
      formatter: `setpoint ${direction === "at_most" ? "≤" : "≥"} ${value}${chart.unit}`,
    },
  };
  const beyond = direction === "at_most" ? [{ yAxis: value }, { yAxis: max }] : [{ yAxis: min }, { yAxis: value }];
  return {
    markLine: { ...line, data: [...deployments, setpoint] },
    markArea: { silent: true, itemStyle: { color: palette.breach, opacity: 0.05 }, data: [beyond] },
  };
};

const tooltip = (chart: LineChart, found: unknown): string => {
  const first = (found as { dataIndex: number }[])[0];
  const at = first && chart.at[first.dataIndex];
  if (!first || at === undefined) return "";
  const rows = chart.series.map((series) => {
    const [value, low, high] = [series.values[first.dataIndex], series.low[first.dataIndex], series.high[first.dataIndex]];
    const text = (number: number): string => number.toFixed(chart.decimals);
    const band = low != null && high != null ? ` (${text(low)} to ${text(high)})` : "";
    return `${escaped(series.name)}: <b>${value == null ? "–" : text(value)}${escaped(chart.unit)}</b>${band}`;
  });
  return [`<b>${day(ms(at))}</b>`, ...rows].join("<br>");
};
