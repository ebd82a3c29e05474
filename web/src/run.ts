// The page of a run that is under way: the server says when something came, and the page asks for that alone. A page that
// nobody sees asks for nothing.
import htmx from "htmx.org";

type Curves = typeof import("./curves");

const EVERY_MS = 2000; // at most so often are words read again; curves follow as fast as they come
const UNDER_WAY = ["running", "scheduled"];

type Moved = { status: string; keys: string[] };

export const followRun = async (run: HTMLElement): Promise<void> => {
  const curves = ["curves", "system"].includes(run.dataset["tab"] ?? "") ? await import("./curves") : null;
  curves?.follow();
  if (!UNDER_WAY.includes(run.dataset["status"] ?? "")) return;
  let source: EventSource | null = null;
  let timer = 0;

  const words = (): void => {
    if (timer) return;
    timer = window.setTimeout(() => {
      timer = 0;
      if (curves) void readHead();
      else htmx.trigger("#live", "catch-up", {});
    }, EVERY_MS);
  };
  const listen = (): void => {
    if (source || document.hidden) return;
    source = new EventSource(`/runs/${encodeURIComponent(run.dataset["run"] ?? "")}/events`);
    source.addEventListener("moved", (event) => {
      const { keys } = JSON.parse((event as MessageEvent<string>).data) as Moved;
      if (curves) void (keys.some(isNew) ? readFigures(curves) : Promise.resolve()).then(() => curves.moved(keys));
      words();
    });
    source.addEventListener("ended", () => {
      source?.close();
      document.removeEventListener("visibilitychange", watch);
    });
  };
  const watch = (): void => {
    if (!document.hidden) return listen();
    source?.close();
    source = null;
    clearTimeout(timer);
    timer = 0;
  };
  const isNew = (key: string): boolean =>
    key.startsWith("system/") === (run.dataset["tab"] === "system") &&
    !new URLSearchParams(location.search).has("metric") &&
    document.querySelector(`figure[data-curve="${CSS.escape(key)}"]`) === null;
  document.addEventListener("visibilitychange", watch);
  listen();
};

const read = async (address: string): Promise<Document | null> => {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null;
  }
};

// State and sentence, without touching the curves below.
const readHead = async (): Promise<void> => {
  const page = await read(`${location.pathname}?tab=log`);
  const [here, there] = [document.querySelector("#lead"), page?.querySelector("#lead")];
  if (here && there && here.innerHTML !== there.innerHTML) here.replaceWith(there);
  const status = page?.querySelector<HTMLElement>("#run")?.dataset["status"];
  const run = document.querySelector<HTMLElement>("#run");
  if (run && status) run.dataset["status"] = status;
};

// A metric that was logged for the first time gets its place; those that are there stay where they are.
const readFigures = async (curves: Curves): Promise<void> => {
  const page = await read(location.href);
  const [here, there] = [document.querySelector("#tab"), page?.querySelector("#tab")];
  if (!here || !there) return;
  if (!here.querySelector("details[data-group]")) here.replaceChildren(...there.childNodes);
  else addMissing(here, there, "details[data-group]", "data-group");
  for (const group of there.querySelectorAll("details[data-group]")) {
    const same = here.querySelector(`details[data-group="${CSS.escape(group.getAttribute("data-group") ?? "")}"] .curves`);
    const from = group.querySelector(".curves");
    if (same && from) addMissing(same, from, "figure[data-curve]", "data-curve");
  }
  curves.follow();
};

const addMissing = (here: Element, there: Element, selector: string, name: string): void => {
  let before: Element | null = null;
  for (const one of [...there.querySelectorAll(selector)].reverse()) {
    const known: Element | null = here.querySelector(`[${name}="${CSS.escape(one.getAttribute(name) ?? "")}"]`);
    if (!known) here.insertBefore(one, before ?? here.querySelector(":scope > .pager"));
    before = known ?? one;
  }
};
