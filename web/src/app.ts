// Entry of the bundle: live pages, charts where a page has one, and the page of a run.
import { begin } from "./asking";
import { keepLive } from "./live";
import { keepTable, tend } from "./table";

const enhance = (root: ParentNode): void => {
  tend();
  if (root.querySelector("figure[data-chart=line]")) void import("./charts").then((charts) => charts.enhance(root));
  if (root.querySelector("form#view")) void import("./compare").then((comparison) => comparison.compare(root, enhance));
};
const recolour = (): void => {
  enhance(document);
  if (document.querySelector("figure[data-curve]")) void import("./curves").then((curves) => curves.recolour());
};

keepTable();
keepLive(enhance);
begin();
enhance(document);
const run = document.querySelector<HTMLElement>("#run[data-run]");
if (run) void import("./run").then((page) => page.followRun(run));
document.addEventListener("theme", recolour);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
