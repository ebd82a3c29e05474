// Any parameter or metric of runs against any, and all of them across parallel axes that can be brushed.
import { ParallelChart, ScatterChart } from "echarts/charts";
import { GridComponent, ParallelComponent, TooltipComponent } from "echarts/components";
import { use } from "echarts/core";
import type { ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import type { Column, Compared } from "./comparison";
import { formatted, shades, short } from "./numbers";
import { chart, escaped, FONT, SETTLE_MS } from "./place";
import type { Palette } from "./theme";

use([CanvasRenderer, GridComponent, ParallelChart, ParallelComponent, ScatterChart, TooltipComponent]);

let settling = 0;

const axisOf = (column: Column, colours: Palette): object => ({
  name: column.name,
  type: column.words.length ? "category" : column.is_log ? "log" : "value",
  ...(column.words.length ? { data: column.words } : { scale: true }),
  nameTextStyle: { color: colours.text, fontWeight: 600, fontSize: 12 },
  axisLine: { lineStyle: { color: colours["strong-line"] } },
  z: 10,
  axisLabel: { color: colours.muted, fontSize: 11, textBorderColor: colours.panel, textBorderWidth: 3, ...(column.words.length ? {} : { formatter: short }) },
});

// `pointed` is called with the id of the run under the pointer, and again when it is left.
export const scatter = (figure: HTMLElement, compared: Compared, colours: Palette, pointed: (run: string, isOn: boolean) => void): void => {
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
  made.on("mouseover", (event) => pointed(run(event), true));
  made.on("mouseout", (event) => pointed(run(event), false));
};

// `brushed` is called with the ranges that were dragged, as the address says them.
export const parallel = (figure: HTMLElement, compared: Compared, colours: Palette, brushed: (ranges: string[]) => void): void => {
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
    settling = window.setTimeout(() => made.isDisposed() || brushed(ranges(made, columns)), SETTLE_MS);
  });
};

interface BrushedAxis {
  readonly activeIntervals: number[][];
}

const ranges = (made: ECharts, columns: readonly Column[]): string[] => {
  const model = (made as unknown as { getModel: () => { getComponent: (name: string, index: number) => BrushedAxis | undefined } }).getModel();
  return columns.flatMap((column, index) =>
    (model.getComponent("parallelAxis", index)?.activeIntervals ?? []).slice(0, 1).map(([low, high]) => `${column.key}:${low}..${high}`),
  );
};
