// Where a chart of a comparison stands: over the server's picture, as wide as its figure.
import { getInstanceByDom, init } from "echarts/core";
import type { ECharts } from "echarts/core";

export const FONT = "system-ui, sans-serif";
export const SETTLE_MS = 250; // after which a hand that drags is taken to rest

export const escaped = (word: string): string => word.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

export const chart = (figure: HTMLElement): ECharts => {
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
