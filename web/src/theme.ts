// Colours of the style sheet, resolved for a canvas. light-dark() is only settled on a real element, hence the probe.
const NAMES = ["text", "muted", "line", "strong-line", "panel", "breach", "champion", "challenger", "canary", "shadow", "static", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"] as const;

export type Colours = Record<(typeof NAMES)[number], string>;

export const colours = (): Colours => {
  const probe = document.createElement("span");
  document.body.append(probe);
  const settled = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(settled) as Colours;
};
