// What a comparison asks of the server, by its address. The first curves are asked for while the charts are still loading.
const FIRST = 3;

const begun = new Map<string, Promise<Response>>();

export const address = (): URLSearchParams => new URLSearchParams(location.search);
export const remember = (query: URLSearchParams): void => history.replaceState(null, "", `${location.pathname}?${query}`);
export const figures = (kind: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(`figure[data-chart=${kind}]`)];

export const with_ = (query: URLSearchParams, name: string, values: string[]): URLSearchParams => {
  query.delete(name);
  for (const value of values) query.append(name, value);
  return query;
};

const place = (figure: HTMLElement): string => {
  const query = with_(address(), "metric", [figure.dataset["metric"] ?? ""]);
  for (const name of ["smooth", "brush", "across", "up", "colour", "left", "right", "first", "all"]) query.delete(name);
  query.set("width", String(Math.min(Math.round(figure.clientWidth || 400), 600)));
  return `/api/compare/curves?${query}`;
};

export const curvesOf = (figure: HTMLElement): Promise<Response> => {
  const url = place(figure);
  const early = begun.get(url);
  begun.delete(url);
  return early ?? fetch(url);
};

export const begin = (): void => {
  for (const figure of figures("curves").slice(0, FIRST)) {
    if (figure.getBoundingClientRect().top < innerHeight) begun.set(place(figure), fetch(place(figure)));
  }
};
