// What the server sends for a comparison; mirrors homeostat.ui.charts.run_records and homeostat.ui.contexts.comparison.
export interface Line {
  readonly key: string;
  readonly label: string;
  readonly hue: number;
  readonly x: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly runs: number;
}

export interface Panel {
  readonly metric: string;
  readonly x: "step" | "time" | "relative";
  readonly is_x_log: boolean;
  readonly is_y_log: boolean;
  readonly is_grouped: boolean;
  readonly lines: readonly Line[];
  readonly start: number;
  readonly end: number;
}

export interface Curves {
  readonly panels: readonly Panel[];
}

export interface Column {
  readonly key: string;
  readonly name: string;
  readonly is_metric: boolean;
  readonly is_log: boolean;
  readonly words: readonly string[];
  readonly values: readonly (number | null)[];
}

export interface Compared {
  readonly columns: readonly Column[];
  readonly settings: readonly string[];
  readonly dots: readonly { readonly name: string; readonly place: number; readonly is_best: boolean; readonly is_within: boolean }[];
  readonly runs: readonly string[];
  readonly brush: readonly { readonly axis: string; readonly low: number; readonly high: number }[];
  readonly across: string;
  readonly up: string;
  readonly colour: string;
}

export const read = (root: ParentNode): Compared | null => {
  const found = root.querySelector("script#compared")?.textContent;
  return found ? (JSON.parse(found) as Compared) : null;
};
