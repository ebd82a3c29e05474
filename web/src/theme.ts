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

// Colours of runs: by hue (0: one of many), and by shade (0: none).
export type Palette = Colours & { readonly accent: string; readonly hues: readonly string[]; readonly shades: readonly string[] };

export const palette = (): Palette => {
  const settle = (make: (probe: HTMLElement) => void): string => {
    const probe = document.createElement("span");
    document.body.append(probe);
    make(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const hue = (name: string): string =>
    settle((probe) => {
      probe.className = name;
      probe.style.color = "var(--hue)";
    });
  return {
    ...colours(),
    accent: settle((probe) => (probe.style.color = "var(--accent)")),
    hues: Array.from({ length: 9 }, (_, index) => hue(`hue${index}`)),
    shades: Array.from({ length: 6 }, (_, index) => hue(`shade${index}`)),
  };
};
