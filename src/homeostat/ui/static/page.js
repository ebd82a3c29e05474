// The few comforts that need a script, without any build: theme, keyboard, copying. Pages are whole without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private window */ } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (stored()) root.dataset.theme = stored(); // before the first paint: this file stands in the head

  const rows = () => [...document.querySelectorAll("main tbody tr, main .decisions > li")].filter((row) => row.offsetParent);
  let selected = null;
  const select = (step) => {
    const all = rows();
    if (!all.length) return;
    // A page that was read again has new rows: go on from the one of the same link.
    const link = (row) => row.querySelector("a")?.href;
    const at = all.includes(selected) ? all.indexOf(selected) : all.findIndex((row) => selected && link(row) === link(selected));
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    selected?.classList.remove("selected");
    selected = next;
    selected.classList.add("selected");
    selected.scrollIntoView({ block: "nearest" });
  };

  // Where clients of MLflow say that a run can be viewed.
  const viewed = /^#\/experiments\/\d+\/runs\/([\w-]+)$/.exec(location.hash);
  if (location.pathname === "/" && viewed) location.replace(`/runs/${viewed[1]}`);

  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    if (toggle) {
      toggle.hidden = false;
      toggle.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        keep(root.dataset.theme);
        document.dispatchEvent(new CustomEvent("theme"));
      });
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("form.filters select")) event.target.form.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    const copied = event.target.closest("[data-copy]");
    if (!copied || !navigator.clipboard) return;
    navigator.clipboard.writeText(copied.dataset.copy).then(() => {
      copied.classList.add("copied");
      setTimeout(() => copied.classList.remove("copied"), 1200);
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "j") select(1);
    else if (event.key === "k") select(-1);
    else if (event.key === "Enter" && selected && !event.target.closest("a, button, summary")) selected.querySelector("a")?.click();
    else if (event.key === "/") { event.preventDefault(); document.querySelector("[data-filter], form.filters select")?.focus(); }
  });
})();
