// The list of runs by hand and by key: select rows with x, a range with Shift, act on them with c and a; ? says which keys there are.
// Everything here is a comfort: each of its buttons is a form's, and works without.

let last: HTMLInputElement | null = null; // where a range begins

const boxes = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>("input[name=run][type=checkbox]")];

const count = (): void => {
  const bulk = document.querySelector<HTMLFormElement>("form.bulk");
  if (!bulk) return;
  const chosen = boxes().filter((box) => box.checked).length;
  const said = bulk.querySelector("[data-count]");
  if (said) said.textContent = `${chosen} selected`;
  for (const button of bulk.querySelectorAll("button")) button.disabled = chosen < (button.value === "compare" ? 2 : 1);
  const all = document.querySelector<HTMLInputElement>("[data-all]");
  if (!all) return;
  all.hidden = false;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
};

// From the last box that was touched to this one, all become what this one is.
const extend = (to: HTMLInputElement): void => {
  const all = boxes();
  const [from, until] = [last ? all.indexOf(last) : -1, all.indexOf(to)].sort((one, other) => one - other);
  if (from === undefined || until === undefined || from < 0) return;
  for (const box of all.slice(from, until + 1)) box.checked = to.checked;
};

const touched = (box: HTMLInputElement, isRange: boolean): void => {
  if (isRange) extend(box);
  last = box;
  count();
};

// Values that filter are hundreds: Tab stops only at those of the row one is at.
const settleStops = (): void => {
  for (const button of document.querySelectorAll<HTMLButtonElement>(".runs td button")) {
    button.tabIndex = button.closest("tr")?.classList.contains("selected") ? 0 : -1;
  }
};

const onKey = (event: KeyboardEvent): void => {
  const target = event.target as HTMLElement;
  if (event.key === "Escape" && target.matches("[data-filter]")) target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input:not([type=checkbox]), select, textarea")) return;
  if (event.key === "?") document.querySelector<HTMLDialogElement>("[data-help]")?.showModal();
  if (event.key === "j" || event.key === "k") settleStops();
  if (event.key === "x" || event.key === "X") {
    const box = document.querySelector<HTMLInputElement>("tr.selected input[name=run]");
    if (!box) return;
    box.checked = event.shiftKey ? true : !box.checked;
    touched(box, event.shiftKey);
  }
  if (event.key === "c" || event.key === "a") {
    const button = document.querySelector<HTMLButtonElement>(`form.bulk button[data-key=${event.key}]`);
    if (button && !button.disabled) button.click();
  }
};

export const tend = (): void => {
  last = null;
  count();
  settleStops();
};

export const keepTable = (): void => {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const box = (event.target as Element).closest<HTMLInputElement>("input[type=checkbox]");
    if (box?.name === "run") touched(box, event.shiftKey);
    if (box && "all" in box.dataset) {
      for (const each of boxes()) each.checked = box.checked;
      count();
    }
  });
  addEventListener("pageshow", tend); // going back restores what was ticked
};
