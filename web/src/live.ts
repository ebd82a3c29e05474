// Pages follow the ledger: when it moves, the page is read again and its content swapped, unless somebody is at it.
import htmx from "htmx.org";
import "htmx-ext-sse";

const QUIET_MS = 1500;
const THROTTLE_MS = 2000; // of hx-trigger in frame.html: htmx drops whatever else triggers within it

let lastTouch = 0;
for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
  addEventListener(kind, () => (lastTouch = performance.now()), { passive: true });
}

const isInUse = (live: Element): boolean =>
  document.hidden ||
  performance.now() - lastTouch < QUIET_MS ||
  document.getSelection()?.isCollapsed === false ||
  document.activeElement?.matches("select, input:not([type=checkbox]), textarea") === true ||
  live.querySelector("dialog[open], .drop[open], .picker, details.edit[open], input[name=run]:checked") !== null;

const details = (live: Element): HTMLDetailsElement[] => [...live.querySelectorAll("details")];

// `swapped` is called with the new content, after every swap.
export const keepLive = (swapped: (live: Element) => void): void => {
  const live = (): Element | null => document.querySelector("#live");
  let open: boolean[] = [];
  let isBehind = false;

  const catchUp = (): void => {
    const current = live();
    if (current && isInUse(current)) {
      setTimeout(catchUp, QUIET_MS);
      return;
    }
    isBehind = false;
    htmx.trigger("#live", "catch-up", {});
  };

  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const current = live();
    if (!current || !isInUse(current)) return;
    event.preventDefault(); // nothing jumps under the pointer; it catches up when the hand rests
    if (!isBehind) setTimeout(catchUp, THROTTLE_MS + 100);
    isBehind = true;
  });
  document.body.addEventListener("htmx:beforeSwap", () => {
    const current = live();
    if (current) open = details(current).map((found) => found.open);
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const current = live();
    if (!current) return;
    const found = details(current);
    if (found.length === open.length) found.forEach((one, index) => (one.open = open[index] === true));
    swapped(current);
  });
};
