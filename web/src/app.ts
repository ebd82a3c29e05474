// Entry of the bundle: live pages, and charts where a page has one.
import { keepLive } from "./live";

const enhance = (root: ParentNode): void => {
  if (root.querySelector("figure[data-chart=line]")) void import("./charts").then((charts) => charts.enhance(root));
};

keepLive(enhance);
enhance(document);
document.addEventListener("theme", () => enhance(document));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => enhance(document));
