// What the server sends beside each line chart; mirrors LineChart of homeostat.ui.charts.records.
export interface Series {
  readonly name: string;
  readonly role: "champion" | "challenger" | "canary" | "shadow" | "static";
  readonly values: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export interface LineChart {
  readonly title: string;
  readonly at: readonly number[]; // microseconds
  readonly series: readonly Series[];
  readonly start: number;
  readonly end: number;
  readonly limit: { readonly value: number; readonly direction: "at_most" | "at_least" } | null;
  readonly marks: readonly { readonly at: number; readonly label: string }[];
  readonly unit: string;
  readonly decimals: number;
}

export const read = (figure: Element): LineChart | null => {
  const text = figure.querySelector('script[type="application/json"]')?.textContent;
  return text ? (JSON.parse(text) as LineChart) : null;
};

// Mirrors CurveChart of the same module.
export interface CurveLine {
  readonly name: string;
  readonly run: string;
  readonly x: readonly number[]; // steps, microseconds, or seconds
  readonly values: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export interface CurveChart {
  readonly key: string;
  readonly points: number;
  readonly last: number | null;
  readonly lines: readonly CurveLine[];
  readonly x: "step" | "time" | "relative";
  readonly is_log: boolean;
  readonly start: number | null;
  readonly end: number | null;
}
