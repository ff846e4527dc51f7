'use strict';
(() => {
  const plots = JSON.parse(document.getElementById('plots').textContent);
  const LIGHT = ['#0072b2', '#c4500c', '#00785a', '#a6437c', '#5d4db3', '#7a6a00', '#333333', '#1c86a8'];
  const DARK = ['#6cbcf0', '#f2a265', '#4fd3a8', '#ee9fc9', '#b3a6f5', '#e2d158', '#dddddd', '#7fd7f0'];
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [], [7, 4], [2, 3], [9, 3, 2, 3]];
  const MOST_TICKS = 14;
  const drawn = [];

  const number = v => v == null ? '–'
    : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString('en')
    : String(+v.toPrecision(4));

  // Every x of every series, in order; numbers by size, words as they come.
  function positions(plot) {
    const labels = [...new Set(plot.series.flatMap(s => s.points.map(p => p.label)))];
    const numeric = plot.form !== 'BARS' && labels.every(l => l !== '' && isFinite(Number(l)));
    if (numeric) labels.sort((a, b) => a - b);
    const least = Math.min(...labels.map(Number).filter(v => v > 0));
    const at = (label, i) => !numeric ? i
      : plot.form !== 'LOG_LINES' ? Number(label)
      // Nothing has no logarithm: it stands a step before the least.
      : Number(label) > 0 ? Math.log2(Number(label)) : Math.log2(least) - 1;
    return {labels, at: new Map(labels.map((l, i) => [l, at(l, i)]))};
  }

  function table(plot) {
    const {labels, at} = positions(plot);
    const bars = plot.form === 'BARS';
    const k = plot.series.length;
    const value = plot.series.map(s => new Map(s.points.map(p => [p.label, p.y])));
    if (!bars) {
      return {
        labels, splits: labels.map(l => at.get(l)),
        data: [labels.map(l => at.get(l)), ...value.map(m => labels.map(l => m.has(l) ? m.get(l) : null))],
        name: i => labels[i]
      };
    }
    // Groups: each series has places of its own, and one is left free between two groups.
    const xs = [];
    labels.forEach((l, i) => plot.series.forEach((s, j) => xs.push(i * (k + 1) + j)));
    return {
      labels, splits: labels.map((l, i) => i * (k + 1) + (k - 1) / 2),
      data: [xs, ...value.map((m, j) => xs.map((x, n) =>
        n % k === j && m.has(labels[(n - j) / k]) ? m.get(labels[(n - j) / k]) : null))],
      name: i => labels[Math.floor(i / k)]
    };
  }

  function draw(place, plot, dark, width) {
    const css = getComputedStyle(document.documentElement);
    const ink = dark === null ? '#000' : css.getPropertyValue('--fg').trim();
    const faint = dark === null ? '#bbb' : css.getPropertyValue('--faint').trim();
    const palette = dark ? DARK : LIGHT;
    const t = table(plot);
    const bars = plot.form === 'BARS';
    const longest = Math.max(...t.labels.map(l => String(l).length));
    // Words that would run into each other stand aslant, and then each has its place.
    const aslant = longest * 7 * t.labels.length > width - 70 && longest > 5;
    const room = Math.max(2, aslant ? Math.floor(width / 18) : Math.min(MOST_TICKS, Math.floor(width / 55)));
    const every = Math.ceil(t.splits.length / room);
    const ticks = t.splits.filter((s, i) => i % every === 0);
    const names = new Map(t.splits.map((s, i) => [s, t.labels[i]]));
    const font = '12px system-ui,sans-serif';
    const pad = bars ? 1 : 0;
    place.replaceChildren();
    return new uPlot({
      width, height: 340 + (aslant ? Math.min(150, longest * 4.4) : 0),
      scales: {
        x: {time: false, range: (u, lo, hi) => bars ? [lo - pad, hi + pad] : lo === hi ? [lo - 1, hi + 1] : [lo, hi]},
        y: {range: (u, lo, hi) => [Math.min(0, lo ?? 0), ((hi ?? 1) || 1) * 1.06]}
      },
      axes: [
        {stroke: ink, grid: {stroke: faint, width: 1, show: !bars}, ticks: {stroke: faint}, font, labelFont: font, label: plot.x, labelSize: 22,
          ...(aslant ? {rotate: 40, size: 26 + Math.min(150, longest * 4.4)} : {}),
          splits: () => ticks, values: (u, at) => at.map(s => names.get(s) ?? '')},
        {stroke: ink, grid: {stroke: faint, width: 1}, ticks: {stroke: faint}, font, labelFont: font, label: plot.y, labelSize: 22, size: 58,
          values: (u, at) => at.map(number)}
      ],
      cursor: {drag: {x: !bars, y: false}},
      legend: {live: true},
      series: [
        {label: plot.x, value: (u, v, s, i) => i == null ? '–' : t.name(i)},
        ...plot.series.map((s, i) => ({
          label: s.name, stroke: palette[i % 8], width: 2, spanGaps: true,
          dash: bars ? [] : DASHES[i % 8], value: (u, v) => number(v),
          fill: bars ? palette[i % 8] : undefined,
          paths: bars ? uPlot.paths.bars({size: [0.92, 60]}) : undefined,
          points: {show: !bars, size: 6, fill: palette[i % 8]}
        }))
      ]
    }, t.data, place);
  }

  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const places = [...document.querySelectorAll('.plot')];
  function all(dark, width) {
    places.forEach((place, i) => {
      drawn[i]?.destroy();
      drawn[i] = draw(place, plots[Number(place.dataset.plot)], dark, width ?? place.clientWidth);
    });
  }
  all(scheme.matches);
  scheme.addEventListener('change', () => all(scheme.matches));
  new ResizeObserver(() => places.forEach((place, i) => {
    if (drawn[i] && place.clientWidth > 0 && Math.abs(drawn[i].width - place.clientWidth) > 2) {
      drawn[i] = (drawn[i].destroy(), draw(place, plots[Number(place.dataset.plot)], scheme.matches, place.clientWidth));
    }
  })).observe(document.body);
  // Paper is white whatever the screen is, and about so wide.
  addEventListener('beforeprint', () => all(null, 660));
  addEventListener('afterprint', () => all(scheme.matches));
})();
